//! Desired, running and healthy tasks of a service over time, with deployments and scaling events marked.

use super::ChartInput;
use super::axis::Steps;
use super::drawing::{Drawing, palette};
use super::frame::{self, BOTTOM, Panel, TOP};
use super::services::{self, Line};
use super::trend::{Draws, Holds};
use crate::metrics::service::ServiceReport;
use crate::report::human;

/// Up to so many changes of the tasks each line has a width of its own.
const MOST_SWINGS: usize = 60;

/// The line of the traffic's share.
fn share() -> Line<'static> {
    Line {
        name: "newest revision",
        color: palette::ORANGE,
        value: &|s, _| s.newest_traffic_percent,
        holds: Holds::After,
        draws: Draws::Mean,
        ground: true,
        width: 2.5,
    }
}

/// What the subtitle says.
fn facts(report: &ServiceReport) -> Vec<String> {
    let mut facts = vec![format!("{} started", human::counted(report.tasks_started, "task"))];
    if report.tasks_failed > 0 {
        facts.push(format!("{} failed", human::thousands(report.tasks_failed.into())));
    }
    let [out, into] = report.scaling;
    if out + into > 0 {
        let [out, into] = [out, into].map(|times| human::thousands(times.into()));
        facts.push(format!("scaled out {out} × and in {into} ×"));
    }
    let [completed, failed] = report.deployments;
    if completed + failed > 0 {
        facts.push(format!("deployments: {completed} completed, {failed} failed"));
    }
    facts
}

/// Draws the chart.
pub fn draw(input: &ChartInput, report: &ServiceReport) -> Drawing {
    let samples = &report.samples;
    let facts = facts(report);
    let mut drawing = frame::page(&frame::title_of("Tasks", &report.name), input, &facts);
    if services::is_instant(samples) {
        let why = "The run ended before its first sample: nothing to show.";
        return frame::empty(drawing, why);
    }
    // Where the counts are equal, as they mostly should be, each line is seen on both sides of the one above it.
    let mut lines = vec![
        Line::of_tasks("desired", palette::INK, 2.5, &|s, _| Some(s.desired.into())),
        Line::of_tasks("of the newest revision", palette::ORANGE, 2.5, &|s, _| {
            Some(s.newest.into())
        }),
        Line::of_tasks("healthy", palette::GREEN, 4.5, &|s, _| Some(s.healthy.into())),
        Line {
            ground: true,
            ..Line::of_tasks("running", palette::BLUE, 6.5, &|s, _| Some(s.running.into()))
        },
        Line::of_tasks("pending", palette::AMBER, 2.5, &|s, _| Some(s.pending.into())),
    ];
    // With one revision throughout, its tasks are all tasks.
    let is_mixed = samples.iter().any(|s| s.newest != s.running + s.pending);
    lines.retain(|line| match line.name {
        "pending" => line.max(samples) > 0.0,
        "of the newest revision" => is_mixed,
        _ => true,
    });
    // Thick lines under thin ones are noise where they go up and down all the time.
    let swings = samples.windows(2).filter(|pair| pair[0].running != pair[1].running).count();
    if swings > MOST_SWINGS {
        lines.iter_mut().for_each(|line| line.width = 2.0);
    }
    let max = lines.iter().map(|line| line.max(samples)).fold(0.0, f64::max);
    // What shifts traffic has a panel of its own; everywhere else all of it is on the newest revision.
    let is_shifted = samples.iter().any(|s| s.newest_traffic_percent.is_some_and(|p| p < 100.0));
    let end = if is_shifted { TOP + (BOTTOM - TOP) * 0.64 - 26.0 } else { BOTTOM };
    let room = services::room_for_marks(&report.marks, end - TOP);
    let mut panel = Panel::new("Tasks", TOP, end, max * room, Steps::Whole);
    let heading = "Share of the traffic on the newest revision, %";
    let mut lower =
        is_shifted.then(|| Panel::new(heading, end + 38.0, BOTTOM, 100.0, Steps::Whole));
    let left = lower.as_ref().map_or(panel.left, |lower| lower.left.max(panel.left));
    panel.left = left;
    let (x, caption) = services::time_axis(input, samples, left);
    services::draw_lines(&mut drawing, &panel, &x, samples, &lines);
    services::draw_marks(&mut drawing, &panel, &x, &report.marks);
    frame::legend_right(&mut drawing, panel.top - 22.0, &services::legend(&lines));
    if let Some(lower) = &mut lower {
        lower.left = left;
        services::draw_lines(&mut drawing, lower, &x, samples, &[share()]);
    }
    services::close(&mut drawing, &x, &caption);
    drawing
}
