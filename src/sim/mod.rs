//! L4, the simulation: binds the model, the policies and the engine.

pub mod setup;
