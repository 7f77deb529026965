//! How long those who are answered have waited, into the book of latencies.

use super::flows::Flow;
use super::quiet::Book;
use super::returns::Tries;
use crate::load::arrivals::mul_div;
use crate::load::latency::LatencyMeter;
use crate::load::queueing::{POINTS, Profile, slice_weight};
use crate::model::traffic::MICRO;
use std::sync::LazyLock;

/// How far the wait has gone on its way when each point is met. Points meet waits in an order that is unrelated to their
/// own (4 and 21 have no common factor), each in the middle of its own weight: so their mean wait is half way, into however
/// many pieces the time is cut.
static PARTS: LazyLock<[f64; POINTS]> = LazyLock::new(|| {
    let mut parts = [0.0; POINTS];
    let mut before = 0;
    for place in 0..POINTS {
        let point = (0..POINTS).find(|point| point * 4 % POINTS == place).unwrap_or(place);
        parts[point] = (before as f64 + slice_weight(point) as f64 / 2.0) / 1_000.0;
        before += slice_weight(point);
    }
    parts
});

/// Records what was served while the wait went from `first` to `last` (microseconds), and what was served at `last`; no
/// wait is longer than `most`.
pub(super) fn record_waits(
    flow: &Flow,
    (first, last): (f64, f64),
    (moving, staying): (u64, u64),
    most: f64,
    latency: &mut LatencyMeter,
) {
    let wait = |point: usize| first + (last - first) * PARTS[point];
    let of = (&flow.profile, &flow.tries);
    spread(of, moving, wait, most, Book::Both, latency);
    spread(of, staying, |_| last, most, Book::Both, latency);
}

/// Adds `weight` requests at the points of `profile`, each with its `wait` (microseconds), cut at `most`. Messages that
/// are done with at a later receive have waited for the visibility timeout of each before.
pub(super) fn spread(
    (profile, tries): (&Profile, &Tries),
    weight: u64,
    wait: impl Fn(usize) -> f64,
    most: f64,
    book: Book,
    latency: &mut LatencyMeter,
) {
    if tries.are_alike() {
        return spread_one(profile, weight, wait, most, book, latency);
    }
    let mut left = weight;
    for (before, &share) in tries.shares.iter().enumerate() {
        let is_last = before + 1 == tries.shares.len();
        let part = if is_last { left } else { mul_div(weight, share, MICRO) };
        left -= part;
        let hidden = before as f64 * tries.visibility;
        spread_one(profile, part, |point| wait(point) + hidden, most, book, latency);
    }
}

fn spread_one(
    profile: &Profile,
    weight: u64,
    wait: impl Fn(usize) -> f64,
    most: f64,
    book: Book,
    latency: &mut LatencyMeter,
) {
    let mut rest = weight;
    for (point, micros) in profile.points.iter().enumerate() {
        let share =
            if point + 1 == POINTS { rest } else { mul_div(weight, slice_weight(point), 1_000) };
        rest -= share;
        book.add(latency, (micros + wait(point)).min(most), share);
    }
}
