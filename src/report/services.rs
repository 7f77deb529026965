//! The services of a run as a compact table for people: what they ran, took, dropped and cost, a row each.

use super::bill_view::Owner;
use super::human;
use super::summary::{Style, heading, lines, plain_table};
use crate::base::money::NanoUsd;
use crate::base::time::SimTime;
use crate::metrics::service::ServiceReport;
use crate::pricing::Invoice;
use comfy_table::{Cell, CellAlignment};
use std::cmp::Reverse;

/// Most rows; what is beyond is counted.
const MOST_ROWS: usize = 20;

/// Longest name, in characters.
const LONGEST_NAME: usize = 40;

const HEADINGS: [&str; 8] =
    ["Service", "tasks mean", "max", "offered/s", "dropped", "p95", "CPU", "cost"];

/// What of the bill is not a service's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rest {
    /// Tasks of RunTask and StartTask.
    pub callers: NanoUsd,
    /// What is charged beside compute and is no service's alone: gateways, shared balancers, alarms.
    pub beside: NanoUsd,
    /// Hours of commitments that nothing used.
    pub unused: NanoUsd,
    /// Time of instances that no task was promised.
    pub idle: NanoUsd,
    /// The whole bill.
    pub total: NanoUsd,
}

impl Rest {
    /// That of a bill.
    #[must_use]
    pub fn of(invoice: &Invoice) -> Rest {
        let sums = invoice.sum_by(Owner::of);
        let sum = |owner| sums.get(&owner).copied().unwrap_or_default();
        Rest {
            callers: sum(Owner::Callers),
            beside: sum(Owner::Beside),
            unused: sum(Owner::Unused),
            idle: sum(Owner::Idle),
            total: invoice.total(),
        }
    }
}

/// The table, with an empty line before it; nothing without services. Where there are too many, those with most
/// requests are shown, all in the order of the scenario. `end` is when the run ended. What `rest` holds stands below, so
/// that the costs add up. Ends with a newline.
#[must_use]
pub fn to_text(reports: &[ServiceReport], end: SimTime, rest: &Rest, style: Style) -> String {
    if reports.is_empty() {
        return String::new();
    }
    let mut table = plain_table(style);
    table.add_row(aligned(HEADINGS.map(|text| heading(text, style))));
    let mut order: Vec<usize> = (0..reports.len()).collect();
    order.sort_by_key(|&index| (Reverse(reports[index].requests.offered), index));
    let hidden = order.split_off(order.len().min(MOST_ROWS));
    order.sort_unstable();
    for index in order {
        table.add_row(aligned(row(&reports[index], end).map(Cell::new)));
    }
    let others: NanoUsd = hidden.iter().map(|&index| reports[index].usd).sum();
    let more = format!("{} more, see summary.csv", human::thousands(hidden.len() as u128));
    for (name, usd, is_shown) in [
        (more.as_str(), others, !hidden.is_empty()),
        ("tasks of callers", rest.callers, rest.callers != NanoUsd::ZERO),
        ("beside compute", rest.beside, rest.beside != NanoUsd::ZERO),
        ("commitments, unused", rest.unused, rest.unused != NanoUsd::ZERO),
        ("idle", rest.idle, rest.idle != NanoUsd::ZERO),
        ("total", rest.total, true),
    ] {
        if is_shown {
            let mut cells = [const { String::new() }; 8];
            cells[0] = format!("  {name}");
            cells[7] = human::usd(usd);
            table.add_row(aligned(cells.map(Cell::new)));
        }
    }
    String::from("\n") + &lines(&table)
}

/// Names to the left, numbers to the right.
fn aligned(cells: [Cell; 8]) -> Vec<Cell> {
    let side = |index| if index == 0 { CellAlignment::Left } else { CellAlignment::Right };
    cells.into_iter().enumerate().map(|(index, cell)| cell.set_alignment(side(index))).collect()
}

fn row(report: &ServiceReport, end: SimTime) -> [String; 8] {
    let requests = &report.requests;
    let none = || "–".to_string();
    // Without requests there is neither a rate nor a share to speak of.
    let is_idle = requests.offered == 0 || end == SimTime::ZERO;
    let rate = requests.offered as f64 / end.0.max(1) as f64;
    let dropped = 100.0 * requests.dropped() as f64 / requests.offered.max(1) as f64;
    [
        format!("  {}", human::middle(&human::visible(&report.name), LONGEST_NAME)),
        report.running_mean.map_or_else(none, |mean| human::decimal(mean, 1)),
        human::thousands(report.running_max.into()),
        if is_idle { none() } else { human::decimal(rate, if rate < 100.0 { 2 } else { 0 }) },
        if is_idle { none() } else { format!("{} %", human::decimal(dropped, 2)) },
        report.latency.quantile(950).map_or_else(none, human::span),
        report.cpu_percent.map_or_else(none, human::percent),
        human::usd(report.usd),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimSpan;
    use crate::metrics::service::RequestTotals;

    fn report(name: &str, offered: u64, running: u32) -> ServiceReport {
        let mut report = ServiceReport {
            name: name.into(),
            running_mean: Some(f64::from(2 * running)),
            running_max: 3 * running,
            requests: RequestTotals {
                offered,
                served: offered - offered / 200,
                timeout: offered / 200,
                ..RequestTotals::default()
            },
            cpu_percent: Some(47.25),
            usd: NanoUsd(12_340_000_000),
            ..ServiceReport::default()
        };
        report.latency.add(SimSpan(84_000));
        report
    }

    #[test]
    fn each_service_has_a_row_that_people_can_read() {
        let idle = ServiceReport { name: "idle\u{1b}".into(), ..ServiceReport::default() };
        let reports =
            [report("api", 4_500_000_000_000, 10), report("checkout", 3_600_000_000, 1), idle];
        let rest = Rest {
            callers: NanoUsd(1_000_000_000),
            beside: NanoUsd(2_000_000_000),
            unused: NanoUsd(500_000_000),
            idle: NanoUsd(5_320_000_000),
            total: NanoUsd(33_500_000_000),
        };
        let text = to_text(&reports, SimTime(3_600_000_000), &rest, Style::default());
        insta::assert_snapshot!(text, @r"

        Service                tasks mean  max  offered/s  dropped    p95     CPU    cost
          api                        20.0   30      1,250   0.50 %  84 ms  47.2 %  $12.34
          checkout                    2.0    3       1.00   0.50 %  84 ms  47.2 %  $12.34
          idle\u{1b}                    –    0          –        –      –       –   $0.00
          tasks of callers                                                          $1.00
          beside compute                                                            $2.00
          commitments, unused                                                       $0.50
          idle                                                                      $5.32
          total                                                                    $33.50
        ");
    }

    #[test]
    fn of_many_services_those_with_most_requests_are_shown() {
        let reports: Vec<_> =
            (0..1_025u64).map(|i| report(&format!("s{i}"), (i % 30) * 1_000_000, 1)).collect();
        let rest = Rest::default();
        let text = to_text(&reports, SimTime(3_600_000_000), &rest, Style::default());
        assert_eq!(text.lines().count(), 1 + 1 + MOST_ROWS + 2);
        assert!(text.contains("  1,005 more, see summary.csv "), "{text}");
        assert!(text.contains(" $12,401.70\n"), "1,005 times $12.34: {text}");
        assert!(text.contains("  s29 ") && text.contains("  s59 ") && !text.contains("  s28 "));
    }

    #[test]
    fn without_services_there_is_no_table() {
        assert_eq!(to_text(&[], SimTime(1), &Rest::default(), Style::default()), "");
    }
}
