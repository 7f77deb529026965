//! The fuzz target `trace_native`: its body is in `bodies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ecsim_fuzz::trace::trace_native(data));
