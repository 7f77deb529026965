//! The fuzz target `trace_azure_packing_2020`: its body is in `bodies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ecsim_fuzz::trace::trace_azure_packing_2020(data));
