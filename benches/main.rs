//! The benches of ecsim: `cargo bench` measures, `cargo bench -- --test` runs each once.

mod capacity;
mod commitments;
mod engine;
mod placement;
mod queue;
mod services;
mod sweep;
mod trace;

fn main() {
    let mut criterion = criterion::Criterion::default().configure_from_args();
    engine::benches(&mut criterion);
    queue::benches(&mut criterion);
    placement::benches(&mut criterion);
    trace::benches(&mut criterion);
    services::benches(&mut criterion);
    capacity::benches(&mut criterion);
    commitments::benches(&mut criterion);
    sweep::benches(&mut criterion);
    criterion.final_summary();
}
