//! The fuzz target `scenario`: its body is in `bodies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ecsim_fuzz::scenario::scenario(data));
