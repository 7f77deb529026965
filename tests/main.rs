mod fuzz_policy;
mod placement;
