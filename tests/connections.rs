//! Long connections: they stay where they are, are cut with their task, and come back together; worked by hand.

use crate::support::balancer::{balancer, no_traffic};
use crate::support::shipped::{Shipped, rows};
use ecsim::base::distribution::Distribution;
use ecsim::base::random::{Purpose, Seed, Stream};
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::load::{Library, Load, LoadSetup, Target};
use ecsim::model::arrival::{RowCounts, TraceProblem};
use ecsim::model::connection::{Clients, ConnectionState, Connections};
use ecsim::model::ids::ZoneId;
use ecsim::model::service::{Permille, Routing};
use ecsim::model::traffic::{Fidelity, MICRO, RateSegment, RateStream, Work, WorkKind};
use ecsim::scenario::load_text;
use std::path::Path;
use std::sync::LazyLock;

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::default);

/// Minutes of so many requests a second; the last rate goes on.
struct Minutes {
    rates: Vec<u64>,
    next: usize,
    counts: RowCounts,
}

impl RateStream for Minutes {
    fn next_segment(&mut self) -> Result<Option<RateSegment>, TraceProblem> {
        let start = secs(60 * self.next as u64);
        let rate = self.rates[self.next.min(self.rates.len() - 1)];
        self.next += 1;
        let end = start + SimSpan::from_secs(60);
        Ok(Some(RateSegment { start, end, micro: rate * 60 * MICRO }))
    }
    fn counts(&self) -> &RowCounts {
        &self.counts
    }
}

fn secs(s: u64) -> SimTime {
    SimTime(s * 1_000_000)
}

/// 4,000 clients for ever, 20 ms a connect, back within 20 s.
const PLAIN: Connections = Connections {
    clients: Clients::Constant(4_000),
    lifetime: None,
    cpu_ns: 20_000_000,
    reconnect: SimSpan::from_secs(20),
};

/// Requests of 5 ms that come by these connections.
fn load(of: Connections, fidelity: Fidelity, routing: Routing, rates: &[u64], seed: u64) -> Load {
    let work = Work {
        kind: WorkKind::Requests,
        source: no_traffic(),
        fidelity,
        cpu_ms: Distribution::Constant(5.0),
        io_ms: Distribution::Constant(0.0),
        memory_kib: 0,
        workers: None,
        queue_limit: None,
        timeout: SimSpan::from_secs(60),
        delivery: None,
        finishes_on_stop: false,
        connections: Some(Box::new(of)),
    };
    let setup =
        LoadSetup { work, balancer: Some(balancer(routing)), zones: 3, library: LIBRARY.clone() };
    let stream = Minutes { rates: rates.to_vec(), next: 0, counts: RowCounts::default() };
    let mut load = Load::new(setup, Seed(seed), "chat", Box::new(stream));
    load.measure_targets();
    load
}

/// A target of one vCPU.
fn target(task: u64, pool: u8, since: SimTime) -> Target {
    Target {
        task,
        zone: ZoneId((task % 3) as u32),
        pool,
        cpu_millis: 1_000,
        cost_percent: 100,
        error_ppm: 0,
        since,
    }
}

/// Four targets, each with a quarter of the connections.
fn four(of: Connections, fidelity: Fidelity, routing: Routing, rates: &[u64]) -> Load {
    let mut load = load(of, fidelity, routing, rates, 1);
    (1..=4).for_each(|task| load.add(target(task, 0, SimTime::ZERO)));
    load
}

fn state(load: &Load) -> ConnectionState {
    let state = load.connections().unwrap();
    let all = state.totals;
    assert_eq!(all.first + all.connects, state.open + all.ended + all.cut, "{state:?}");
    state
}

/// Open, away, least, most, of draining targets.
fn shape(load: &Load) -> [u64; 5] {
    let state = state(load);
    [state.open, state.away, state.least, state.most, state.draining]
}

const BOTH: [Fidelity; 2] = [Fidelity::Fluid, Fidelity::Requests];

#[test]
fn a_scale_out_relieves_nobody_until_connections_end() {
    for fidelity in BOTH {
        let mut load = four(PLAIN, fidelity, Routing::RoundRobin, &[200]);
        load.advance(secs(60)).unwrap();
        assert_eq!(shape(&load), [4_000, 0, 1_000, 1_000, 0]);
        (5..=8).for_each(|task| load.add(target(task, 0, secs(60))));
        load.advance(secs(3_600)).unwrap();
        assert_eq!(shape(&load), [4_000, 0, 0, 1_000, 0]);
        let totals = state(&load).totals;
        assert_eq!((totals.first, totals.connects, totals.cpu_nanos), (4_000, 0, 0));
        // 200 a second of 5 ms are 3,600 s of CPU in the hour, a quarter of it at each old target.
        for task in 1..=8 {
            let used = load.cpu_nanos_of(task) as f64 / 1e9;
            let wanted = if task <= 4 { 900.0 } else { 0.0 };
            assert!((used - wanted).abs() <= 0.01 * wanted, "{fidelity:?}: {task} used {used} s");
        }
        assert_eq!(load.totals().dropped(), 0);
    }
}

#[test]
fn connections_that_end_spread_over_all_targets_or_go_to_the_empty_ones() {
    // Of each 1,000, 1,000 · (1 − e^(−60/600)) = 95.16 end in a minute.
    let of = Connections { lifetime: Some(SimSpan::from_secs(600)), ..PLAIN };
    for (routing, old, new) in
        [(Routing::RoundRobin, 1_000 - 95 + 48, 47), (Routing::LeastOutstanding, 905, 95)]
    {
        let mut load = load(of, Fidelity::Fluid, routing, &[200], 1);
        (1..=4).for_each(|task| load.add(target(task, 0, SimTime::ZERO)));
        load.advance(secs(30)).unwrap();
        (5..=8).for_each(|task| load.add(target(task, 0, secs(30))));
        load.advance(secs(60)).unwrap();
        assert_eq!(shape(&load), [4_000, 0, new, old, 0], "{routing:?}");
        let totals = state(&load).totals;
        assert_eq!((totals.ended, totals.connects), (380, 380));
        // In an hour, six lifetimes, next to nothing is left of where they were.
        load.advance(secs(3_660)).unwrap();
        let state = state(&load);
        assert!(state.least >= 497 && state.most <= 503, "{state:?}");
        // 95.16 a minute of each thousand, for 61 minutes, and the fractions carried on.
        assert!(state.totals.ended.abs_diff(23_219) <= 8, "{state:?}");
    }
}

#[test]
fn the_connections_of_a_crashed_target_come_back_within_the_span_and_cost_cpu() {
    for fidelity in BOTH {
        let mut load = four(PLAIN, fidelity, Routing::RoundRobin, &[200]);
        load.advance(secs(90)).unwrap();
        load.remove(1);
        assert_eq!(shape(&load), [3_000, 1_000, 1_000, 1_000, 0]);
        load.advance(secs(100)).unwrap();
        assert_eq!(shape(&load)[..2], [3_500, 500]);
        load.advance(secs(110)).unwrap();
        assert_eq!(shape(&load), [4_000, 0, 1_333, 1_334, 0]);
        load.advance(secs(180)).unwrap();
        let totals = state(&load).totals;
        assert_eq!((totals.cut, totals.connects, totals.connects_per_s_max), (1_000, 1_000, 50));
        assert_eq!(totals.cpu_nanos, 1_000 * 20_000_000);
        // 200 a second for three minutes, and 20 s of connects.
        let requests = load.totals().served as f64 / 1e6 * 0.005;
        let used = load.cpu_nanos() as f64 / 1e9;
        assert!((used - requests - 20.0).abs() < 0.1, "{fidelity:?}: {used} and {requests}");
        // Seconds of clients without a connection: 1,000 + 950 + ... + 50 = 10,500 of 4,000: 2.625 s of all requests.
        let dropped = load.totals().no_target as f64 / 1e6;
        let (exact, error) = match fidelity {
            Fidelity::Fluid => (525.0, 0.01),
            Fidelity::Requests => (525.0, 4.0 * 525f64.sqrt()),
        };
        assert!((dropped - exact).abs() < error, "{fidelity:?}: {dropped}");
    }
}

#[test]
fn connections_of_a_target_that_drains_stay_until_it_goes() {
    for fidelity in BOTH {
        let mut load = four(PLAIN, fidelity, Routing::RoundRobin, &[200]);
        load.advance(secs(60)).unwrap();
        load.drain(2);
        load.advance(secs(120)).unwrap();
        assert_eq!(shape(&load), [4_000, 0, 1_000, 1_000, 1_000]);
        assert_eq!(load.totals().dropped(), 0, "its clients are served on");
        let used = load.cpu_nanos_of(2) as f64 / 1e9;
        assert!((used - 30.0).abs() < 3.0, "{fidelity:?}: a quarter of two minutes' work, {used}");
        load.remove(2);
        load.advance(secs(150)).unwrap();
        assert_eq!(shape(&load), [4_000, 0, 1_333, 1_334, 0]);
        assert_eq!(state(&load).totals.cut, 1_000);
    }
}

#[test]
fn clients_that_end_their_connections_leave_a_draining_target_before_it_goes() {
    let of = Connections { lifetime: Some(SimSpan::from_secs(60)), ..PLAIN };
    let mut load = four(of, Fidelity::Fluid, Routing::RoundRobin, &[200]);
    load.advance(secs(60)).unwrap();
    load.drain(2);
    load.advance(secs(360)).unwrap();
    // Five lifetimes: e⁻⁵ of a thousand are left, 6.7.
    let left = shape(&load)[4];
    assert!((6..=8).contains(&left), "{left}");
    load.remove(2);
    assert_eq!(state(&load).totals.cut, left);
}

#[test]
fn connects_leave_requests_half_of_the_cpu_where_both_need_it() {
    // 4,000 connects of 100 ms on the one task that is left.
    let of = Connections { cpu_ns: 100_000_000, ..PLAIN };
    for fidelity in BOTH {
        let mut load = four(of, fidelity, Routing::RoundRobin, &[180]);
        load.advance(secs(60)).unwrap();
        (2..=4).for_each(|task| load.remove(task));
        // 3,000 connects need 300 s of CPU; requests need 0.9 of the vCPU and get the half of it until then.
        load.advance(secs(300)).unwrap();
        let burnt = state(&load).totals.cpu_nanos as f64 / 1e9;
        assert!((115.0..=122.0).contains(&burnt), "{fidelity:?}: {burnt} s by then");
        assert!(load.totals().timeout > 0, "{fidelity:?}");
        load.advance(secs(1_800)).unwrap();
        assert_eq!(state(&load).totals.cpu_nanos, 300_000_000_000);
    }
    // Requests that need a tenth leave nine tenths.
    let mut load = four(of, Fidelity::Fluid, Routing::RoundRobin, &[20]);
    load.advance(secs(60)).unwrap();
    (2..=4).for_each(|task| load.remove(task));
    load.advance(secs(200)).unwrap();
    let burnt = state(&load).totals.cpu_nanos as f64 / 1e9;
    assert!((115.0..=126.0).contains(&burnt), "{burnt} of 140 s");
}

#[test]
fn clients_follow_the_traffic() {
    let of = Connections { clients: Clients::Each(100_000), ..PLAIN };
    let mut load = four(of, Fidelity::Fluid, Routing::RoundRobin, &[200, 300, 300, 100]);
    load.advance(secs(30)).unwrap();
    assert_eq!(shape(&load), [2_000, 0, 500, 500, 0]);
    load.advance(secs(60)).unwrap();
    assert_eq!(shape(&load), [3_000, 0, 750, 750, 0]);
    load.advance(secs(180)).unwrap();
    assert_eq!(shape(&load), [1_000, 0, 250, 250, 0]);
    let totals = state(&load).totals;
    assert_eq!((totals.first, totals.connects, totals.ended, totals.cut), (2_000, 1_000, 2_000, 0));
}

#[test]
fn weights_of_pools_route_new_connections_only() {
    let mut load = four(PLAIN, Fidelity::Fluid, Routing::RoundRobin, &[200]);
    load.advance(secs(60)).unwrap();
    (5..=8).for_each(|task| load.add(target(task, 1, secs(60))));
    load.set_weights([Permille(0), Permille(1_000), Permille(0), Permille(0)]);
    load.advance(secs(600)).unwrap();
    assert_eq!(state(&load).totals.connects, 0, "blue keeps its connections");
    assert_eq!(load.pool_totals(1).offered, 0);
    // Half of those that come back go to either pool, then.
    load.set_weights([Permille(250), Permille(750), Permille(0), Permille(0)]);
    load.remove(1);
    load.advance(secs(660)).unwrap();
    assert_eq!(shape(&load), [4_000, 0, 187, 1_084, 0]);
    (2..=4).for_each(|task| load.remove(task));
    load.set_weights([Permille(0), Permille(1_000), Permille(0), Permille(0)]);
    load.advance(secs(720)).unwrap();
    assert_eq!(shape(&load), [4_000, 0, 1_000, 1_000, 0]);
}

#[test]
fn clients_without_a_target_wait_and_come_back_over_the_span() {
    let mut load = load(PLAIN, Fidelity::Fluid, Routing::RoundRobin, &[200], 1);
    load.advance(secs(100)).unwrap();
    assert_eq!(shape(&load), [0, 4_000, 0, 0, 0]);
    load.add(target(1, 0, secs(100)));
    load.advance(secs(111)).unwrap();
    assert_eq!(shape(&load), [2_000, 2_000, 2_000, 2_000, 0], "10 s after they noticed");
    load.advance(secs(121)).unwrap();
    assert_eq!(shape(&load), [4_000, 0, 4_000, 4_000, 0]);
    let totals = state(&load).totals;
    assert_eq!((totals.first, totals.connects), (0, 4_000));
}

/// What a random hour does to a load: changes at random instants.
fn random_hour(load: &mut Load, dice: &mut Stream, step: u64) {
    let (mut present, mut next) = (vec![1u64, 2, 3, 4], 5);
    let mut at = 0;
    while at < 3_600_000_000 {
        let until = at + 1 + dice.below(120_000_000);
        while at < until {
            at = until.min(at + step);
            load.advance(SimTime(at)).unwrap();
        }
        let chosen = present[dice.below(present.len() as u64) as usize];
        match dice.below(7) {
            0 | 1 => {
                load.add(target(next, dice.below(2) as u8, SimTime(at)));
                present.push(next);
                next += 1;
            }
            2 if present.len() > 1 => {
                load.remove(chosen);
                present.retain(|task| *task != chosen);
            }
            3 => load.drain(chosen),
            4 => load.resume(chosen),
            5 => load.set_cpu(chosen, 200 + dice.below(2_000) as u32),
            _ => {
                let one = Permille(dice.below(1_001) as u16);
                load.set_weights([one, Permille(1_000 - one.0), Permille(0), Permille(0)]);
            }
        }
        let state = state(load);
        assert_eq!(state.open + state.away, 4_000, "clients are there for ever");
    }
    load.advance(SimTime(3_800_000_000)).unwrap();
}

#[test]
fn no_connection_gets_lost_and_steps_do_not_matter() {
    for seed in 0..12 {
        let lifetime = (seed % 2 == 0).then_some(SimSpan::from_secs(300));
        let routing = if seed % 3 == 0 { Routing::LeastOutstanding } else { Routing::RoundRobin };
        let of = Connections { lifetime, ..PLAIN };
        for fidelity in BOTH {
            let run = |step: u64| {
                let mut dice = Seed(seed).stream(Purpose::Test, "connections");
                let mut load = load(of, fidelity, routing, &[100, 150, 50], seed);
                (1..=4).for_each(|task| load.add(target(task, 0, SimTime::ZERO)));
                random_hour(&mut load, &mut dice, step);
                load.finish(SimTime(3_800_000_000)).unwrap();
                let totals = *load.totals();
                assert_eq!(totals.offered, totals.served + totals.dropped());
                (state(&load), totals, load.cpu_nanos())
            };
            let whole = run(u64::MAX >> 1);
            assert!(whole.0.totals.cut > 0 && whole.0.totals.connects > 0);
            assert_eq!(run(7_777_777), whole, "seed {seed}, {fidelity:?}");
        }
    }
}

/// A service on Fargate with these lines.
fn refused(traffic: &str, balancer: &str) -> String {
    let text = format!(
        "[simulation]\nduration = \"1d\"\n[[task_definition]]\nfamily = \"w\"\ncpu = 1024\nmemory = 2048\nnetwork_mode = \"awsvpc\"\n\
         [[service]]\nname = \"api\"\ntask_definition = \"w\"\nlaunch_type = \"FARGATE\"\nload_balancer = {{ {balancer} }}\n\
         traffic = {{ generate = {{ per_second = 1 }}, {traffic} }}\n"
    );
    let problems = load_text(&text, "chat.toml", Path::new(""), &[]).expect_err("it is wrong");
    let text = problems.to_string();
    let kept = text.lines().map(str::trim_start).map(|line| line.trim_start_matches("= "));
    let kept = kept.filter(|line| line.starts_with("error: ") || line.starts_with("help: "));
    kept.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    assert_eq!(
        refused("connections = {}", ""),
        "error: chat.toml:13:58: `connections` need `open` or `requests_per_s`\n\
         help: write how many clients there are, as in open = 4000, or how often each sends, as in requests_per_s = 0.1"
    );
    assert_eq!(
        refused("connections = { open = 5, requests_per_s = 1 }", ""),
        "error: chat.toml:13:70: `open` and `requests_per_s` exclude each other: clients are a number, or follow the traffic"
    );
    assert!(
        refused("connections = { open = 5, reconect = \"1s\" }", "").starts_with(
            "error: chat.toml:13:70: unknown key \"reconect\" in `connections`\nhelp: did you mean \"reconnect\"?"
        )
    );
    assert!(
        refused("connections = { open = 0 }", "")
            .contains("error: chat.toml:13:67: `open` must be between 1 and 1,000,000,000, is 0")
    );
    assert_eq!(
        refused("connections = { open = 5 }", "slow_start = \"60s\", connection_duration = \"5m\""),
        "error: chat.toml:12:32: `slow_start` of long connections is not modelled\n\
         help: leave out `slow_start`, or `connections` of the traffic\n\
         error: chat.toml:12:39: `connection_duration` is about connections that are not simulated, but the traffic has \
         `connections`\n\
         help: leave `connection_duration` out: the bill counts the connections that there are"
    );
}

#[test]
fn a_deployment_moves_every_connection_and_task_by_task_some_of_them_several_times() {
    let run = Shipped::run("37-long-connections", &[]);
    let chat = run.service("chat");
    let state = chat.connections.unwrap();
    let all = state.totals;
    assert_eq!((all.first, state.open, state.away), (20_000, 20_000, 0));
    assert_eq!(all.connects, all.cut, "all come back");
    // The first deployment cuts all at once. In the second, each task that goes leaves a quarter of its connections to each
    // of the four that are there: those that go next have 5/4, 25/16, 125/64 of a quarter.
    let by_task = 5_000.0 * (1.0 + 1.25 + 1.25f64.powi(2) + 1.25f64.powi(3));
    assert!(all.cut.abs_diff(20_000 + by_task.round() as u64) <= 4, "{all:?}");
    assert!(all.most_at_a_task.abs_diff(9_766) <= 2, "{all:?}");
    assert_eq!(all.connects_per_s_max, 2_000, "20,000 in 10 s");
    assert_eq!(all.cpu_nanos, u128::from(all.connects) * 5_000_000);
    // 10 s evenly, seen at whole seconds: a client is away for 5 to 6 s, and its requests are dropped.
    let lost = |from: u64, until: u64| -> u64 {
        let here = chat.samples.iter().filter(|s| secs(from) < s.at && s.at <= secs(until));
        here.map(|sample| sample.requests.no_target).sum::<u64>() / MICRO
    };
    let each = 800.0 / 20_000.0;
    let first = lost(600, 1_200) as f64 / (each * 20_000.0);
    let second = lost(2_400, 3_600) as f64 / (each * by_task);
    assert!((5.0..=6.0).contains(&first) && (5.0..=6.0).contains(&second), "{first} {second}");
    // 100 s of CPU on four tasks that need 0.4 each: requests wait for a minute or so.
    let slow = |from: u64, until: u64| {
        let here = chat.samples.iter().filter(|s| secs(from) < s.at && s.at <= secs(until));
        here.filter_map(|sample| sample.latency_p95).max().unwrap()
    };
    assert!(slow(0, 600) < SimSpan::from_millis(10));
    assert!(slow(600, 1_200) > SimSpan::from_millis(300));
    let deployments = rows(&run.deployments);
    assert_eq!(deployments.iter().filter(|row| row["event"] == "COMPLETED").count(), 3);
}
