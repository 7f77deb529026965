//! The fuzz target `trace_google_2011`: its body is in `bodies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ecsim_fuzz::trace::trace_google_2011(data));
