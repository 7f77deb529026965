//! The fuzz target `memberof_expr`: its body is in `bodies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ecsim_fuzz::policy::memberof_expr(data));
