//! The `ecsim` program: see the library for everything that it does.

fn main() -> std::process::ExitCode {
    ecsim::cli::main()
}
