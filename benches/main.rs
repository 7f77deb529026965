//! All benchmarks: a plain `main`, no macros.

mod trace;

fn main() {
    let mut criterion = criterion::Criterion::default().configure_from_args();
    trace::benches(&mut criterion);
    criterion.final_summary();
}
