//! The usual service: all targets are alike and share one flow. Where one comes or goes, only their number changes, and the
//! flow is made anew without a look at the others.

use super::Fluid;
use super::flows::{Flow, Member, Part, Rules};
use super::library::lock;
use crate::base::time::{SimSpan, SimTime};

impl Fluid {
    /// Whether the flows, which were just made, are one of all targets that do not drain.
    pub(super) fn are_flows_alike(&self) -> bool {
        let [flow] = self.flows.as_slice() else { return false };
        self.rules.is_plain
            && self.rules.slow_start == SimSpan::ZERO
            && flow.is_open
            && flow.parts.len() == 1
            && flow.members == self.open as u64
    }

    /// Makes the one flow anew, of as many targets as there are now.
    pub(super) fn count_anew(&mut self) {
        for task in std::mem::take(&mut self.moved) {
            if let Ok(at) = self.find(task) {
                self.members[at].join_first();
            }
        }
        self.flows[0].recount(self.open as u64);
        self.flows[0].equip(&mut lock(&self.stations), &self.cost, &self.rules);
        self.next_slow_step = SimTime::NEVER;
    }
}

impl Member {
    /// It gets requests by the first flow, or drains and gets none.
    fn join_first(&mut self) {
        self.set_flow((!self.is_draining).then_some(0));
    }
}

impl Flow {
    /// Whether a member that comes is as those that are there.
    pub(super) fn takes(&self, rules: &Rules, member: &Member) -> bool {
        self.is_of(rules, member)
            && self.parts.first().is_some_and(|part| part.is_of(&member.target))
    }

    /// As a new flow of so many targets like the present ones: its share of the traffic stays.
    fn recount(&mut self, members: u64) {
        let mut anew = self.anew(members);
        anew.parts.extend(self.parts.first().map(|part| Part::new(part.kind, part.pool, members)));
        *self = anew;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::arrivals::Arrivals;
    use crate::load::{Library, LoadSetup, Target};
    use crate::model::arrival::{RowCounts, TraceProblem};
    use crate::model::ids::ZoneId;
    use crate::model::traffic::{RateSegment, RateStream};
    use crate::random::drawn;
    use crate::scenario::load_text;
    use proptest::prelude::*;
    use std::path::Path;

    /// A rate that goes up and down from minute to minute.
    #[derive(Default)]
    struct Minutes(u64, RowCounts);

    impl RateStream for Minutes {
        fn next_segment(&mut self) -> Result<Option<RateSegment>, TraceProblem> {
            let minute = SimSpan::from_secs(60);
            let start = SimTime(self.0 * minute.0);
            self.0 += 1;
            let micro = 60_000_000 * (40 + self.0 * 37 % 50);
            Ok(Some(RateSegment { start, end: start + minute, micro }))
        }

        fn counts(&self) -> &RowCounts {
            &self.1
        }
    }

    fn fluid(balancer: &str) -> Fluid {
        let text = format!(
            r#"
            [simulation]
            duration = "1h"
            [[task_definition]]
            family = "web"
            cpu = 256
            memory = 512
            network_mode = "awsvpc"
            [[service]]
            name = "s"
            task_definition = "web"
            launch_type = "FARGATE"
            desired_count = 1
            {balancer}
            traffic = {{ generate = {{ per_second = 1 }}, cpu_ms_per_request = 10, io_ms_per_request = 20, timeout = "2s" }}
            "#
        );
        let scenario = load_text(&text, "alike.toml", Path::new("."), &[]);
        let scenario = scenario.expect("a valid scenario");
        let service = scenario.setup.services.iter().next().expect("one service");
        let work = service.work.clone().expect("it has traffic");
        let library = Library::default();
        let setup = LoadSetup { work, balancer: service.balancer, zones: 3, library };
        let arrivals = Arrivals::new(Box::new(Minutes::default()), setup.library.bounds.clone());
        Fluid::new(&setup, arrivals)
    }

    /// All that others see of it.
    fn seen(fluid: &mut Fluid, tasks: u64) -> String {
        let of_all = (fluid.capacity_micro_per_s(), fluid.in_flight_micro(), fluid.pending_micro());
        let of_tasks: Vec<_> = (0..tasks)
            .map(|task| {
                let wait = fluid.wait_at(task);
                (fluid.cpu_nanos_of(task), fluid.demand_cpu_millis(task), wait)
            })
            .collect();
        let flows: Vec<_> = fluid.members.iter().map(Member::flow).collect();
        let cpu = fluid.cpu_nanos();
        format!("{of_all:?} {of_tasks:?} {flows:?} {cpu} {:?}", fluid.ledger.all)
    }

    const BALANCERS: [&str; 4] = [
        "",
        r#"load_balancer = { type = "application" }"#,
        r#"load_balancer = { type = "application", routing = "least_outstanding_requests" }"#,
        r#"load_balancer = { type = "network" }"#,
    ];

    proptest! {
        #![proptest_config(drawn(96))]

        #[test]
        fn to_count_targets_anew_is_to_make_the_flows_anew(
            steps in prop::collection::vec((0_u8..9, 0_u64..12, 0_u64..100), 1..60),
            balancer in prop::sample::select(BALANCERS.to_vec()),
            measures in any::<bool>(),
        ) {
            let (mut fast, mut slow) = (fluid(balancer), fluid(balancer));
            let (mut now, mut added) = (SimTime::ZERO, 0);
            for load in [&mut fast, &mut slow].into_iter().filter(|_| measures) {
                load.measure_targets();
            }
            for (what, which, seconds) in steps {
                slow.are_alike = false;
                let target = Target {
                    task: added,
                    zone: ZoneId(added as u32 % 3),
                    pool: 0,
                    cpu_millis: if which == 0 { 500 } else { 250 },
                    cost_percent: 100,
                    error_ppm: 0,
                    since: now,
                };
                for load in [&mut fast, &mut slow] {
                    match what {
                        0..=2 => load.add(target),
                        3 | 4 => load.drain(which),
                        5 | 6 => load.remove(which),
                        7 if which == 1 => load.set_cpu(seconds % 5, 100),
                        7 => load.resume(which),
                        _ => load.set_errors(which, 1_000),
                    }
                }
                added += u64::from(what <= 2);
                now = now + SimSpan::from_secs(seconds / 2); // often it does not go on
                fast.advance(now).expect("the rate goes on");
                slow.advance(now).expect("the rate goes on");
                if seconds % 3 == 0 {
                    prop_assert_eq!(seen(&mut fast, added), seen(&mut slow, added));
                }
            }
            fast.finish(now).expect("the rate goes on");
            slow.finish(now).expect("the rate goes on");
            prop_assert_eq!(format!("{:?}", fast.ledger.all), format!("{:?}", slow.ledger.all));
            prop_assert_eq!(fast.latency.total(), slow.latency.total());
        }
    }
}
