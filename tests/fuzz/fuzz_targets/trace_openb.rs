//! The fuzz target `trace_openb`: its body is in `bodies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ecsim_fuzz::trace::trace_openb(data));
