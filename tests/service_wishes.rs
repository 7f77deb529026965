//! What people who run ECS need to express of a service, each with a value that was worked out by hand.

use crate::support::services::{Told, count, seconds, tell};
use ecsim::base::time::SimSpan;
use ecsim::scenario::load_text;
use std::path::Path;

/// A task definition for Fargate with one vCPU, and how long the run takes.
fn head(duration: &str) -> String {
    format!(
        "[simulation]\nduration = \"{duration}\"\n\n[[task_definition]]\nfamily = \"w\"\ncpu = 1024\nmemory = 2048\nnetwork_mode = \"awsvpc\"\nimage_mib = 50\n\n"
    )
}

/// A service on Fargate.
fn fargate(desired: u32, more: &str) -> String {
    format!(
        "[[service]]\nname = \"api\"\ntask_definition = \"w\"\nlaunch_type = \"FARGATE\"\ndesired_count = {desired}\n{more}\n"
    )
}

/// The errors of a scenario, by line.
fn refused(text: &str) -> String {
    load_text(text, "t.toml", Path::new("."), &[]).expect_err("it is wrong").to_string()
}

/// A worker that answers one message a second and gets ten.
fn worker(desired: u32, more: &str, queue: &str) -> String {
    head("20m")
        + &fargate(
            desired,
            &format!(
                "{more}\n[service.queue]\ncpu_ms_per_message = 1000\ngenerate = {{ per_second = 10 }}\n{queue}"
            ),
        )
}

/// A step policy that adds five tasks once.
fn add_five(metric: &str, statistic: &str, alarm: &str) -> String {
    format!(
        "scaling = {{ min_capacity = 1, max_capacity = 50, step_scaling = [{{ metric = \"{metric}\", {statistic}cooldown = \"1h\", alarm = {{ {alarm} }}, step_adjustments = [{{ metric_interval_lower_bound = 0, scaling_adjustment = 5 }}] }}] }}"
    )
}

#[test]
fn step_scaling_looks_at_the_length_of_the_queue() {
    // 10 come and 1 is answered a second: 540 wait after a minute, 1,080 after two. Points show two minutes late.
    for fidelity in ["", "fidelity = \"requests\"\nio_ms_per_message = 0\n"] {
        let policy = add_five("ApproximateNumberOfMessagesVisible", "", "threshold = 1000");
        let told = tell(&worker(1, &policy, fidelity));
        let [(at, value, to)] = told.scaled()[..] else { panic!("{:?}", told.scaled()) };
        assert_eq!((at, to), (240.0, 6));
        let off = if fidelity.is_empty() { 0.0 } else { 100.0 };
        assert!((value - 1_080.0).abs() <= off, "{value}");
    }
}

#[test]
fn statistics_of_a_long_period_are_those_of_its_minutes() {
    // The minutes of five end with 540, 1,080, 1,620, 2,160 and 2,700 messages; shown at 420 s.
    for (statistic, expected) in
        [("Minimum", 540.0), ("Average", 1_620.0), ("Maximum", 2_700.0), ("Sum", 8_100.0)]
    {
        let statistic = format!("statistic = \"{statistic}\", ");
        let alarm = "threshold = 500, period = \"5m\"";
        let policy = add_five("ApproximateNumberOfMessagesVisible", &statistic, alarm);
        assert_eq!(tell(&worker(1, &policy, "")).scaled(), [(420.0, expected, 6)]);
    }
}

#[test]
fn target_tracking_looks_at_the_length_of_the_queue() {
    // Three points above 500: 540, 1,080, 1,620 of one task; the newest wants ⌈1,620 / 500⌉ = 4, seen at 300 s.
    let more = "scaling = { min_capacity = 1, max_capacity = 50, target_tracking = [{ metric = \"messages_visible\", statistic = \"Maximum\", target_value = 500, scale_out_cooldown = \"1h\" }] }";
    assert_eq!(tell(&worker(1, more, "")).scaled()[0], (300.0, 1_620.0, 4));
}

#[test]
fn target_tracking_looks_at_all_requests() {
    // 100 a second are 6,000 a minute, at two tasks: ⌈2 × 6,000 / 4,000⌉ = 3. More tasks do not make it less: at the
    // end of each cooldown three more points say ⌈3 × 1.5⌉ = 5, ⌈5 × 1.5⌉ = 8.
    let more = "load_balancer = {}\nscaling = { min_capacity = 1, max_capacity = 8, target_tracking = [{ metric = \"RequestCount\", target_value = 4000 }] }\ntraffic = { generate = { per_second = 100 } }";
    let told = tell(&(head("30m") + &fargate(2, more)));
    let first = told.scaled()[0];
    assert_eq!(first, (300.0, 6_000.0, 3));
    assert_eq!(told.scaled().last().unwrap().2, 8);
}

#[test]
fn the_request_count_of_five_minutes_is_their_sum() {
    let policy = add_five("RequestCount", "", "threshold = 29999, period = \"5m\"");
    let more = format!(
        "load_balancer = {{}}\n{policy}\ntraffic = {{ generate = {{ per_second = 100 }} }}"
    );
    let told = tell(&(head("20m") + &fargate(2, &more)));
    assert_eq!(told.scaled(), [(420.0, 30_000.0, 7)]);
}

#[test]
fn percentiles_of_latency_are_those_of_the_requests() {
    // Nobody waits: latency is 1 ms of CPU and between 100 and 300 ms of I/O. The median is 201, p90 281, p95 291, p99 299.
    for (statistic, expected) in
        [("Average", 201.0), ("p50", 201.0), ("p90", 281.0), ("p95", 291.0), ("p99", 299.0)]
    {
        for fidelity in ["fluid", "requests"] {
            let statistic = format!("statistic = \"{statistic}\", ");
            let policy = add_five("LatencyMs", &statistic, "threshold = 1");
            let more = format!(
                "load_balancer = {{}}\n{policy}\n[service.traffic]\nfidelity = \"{fidelity}\"\ncpu_ms_per_request = 1\nio_ms_per_request = {{ type = \"uniform\", min = 100, max = 300 }}\ngenerate = {{ per_second = 100 }}"
            );
            let told = tell(&(head("10m") + &fargate(4, &more)));
            let (at, value, _) = told.scaled()[0];
            assert_eq!(at, 180.0);
            let off = (value - expected).abs() / expected;
            assert!(off < 0.03, "{fidelity} {statistic} {value}");
        }
    }
}

/// Nine idle tasks, one more from 10 min on that burns its vCPU for six minutes.
fn one_of_ten_starts(policy: &str, more: &str) -> Told {
    let more = format!(
        "{policy}\nbehaviour = {{ startup_cpu = {{ vcpu = 2, duration = \"6m\" }} }}\nupdate = [{{ at = \"10m\", desired_count = 10 }}]\n{more}\ntraffic = {{ cpu_ms_per_request = 10, generate = {{ per_second = 10 }} }}"
    );
    tell(&(head("30m") + &fargate(9, &more)))
}

#[test]
fn cpu_that_a_task_burns_while_it_starts_is_in_the_metric() {
    // Ten requests a second of 10 ms are 0.1 vCPU: 0.1 / 9 = 1.111 % before, 1 % after. Of the two vCPUs that it would
    // take, the new task has one, of which its requests need 0.01: (0.1 + 0.99) / 10 = 10.9 % in a full minute.
    let told = one_of_ten_starts("", "");
    let cpu = |at: f64| seconds(told.service_at(at), "cpu_utilization_percent").unwrap();
    assert!((cpu(600.0) - 1.111).abs() < 1e-3, "{}", cpu(600.0));
    assert!((cpu(840.0) - 10.9).abs() < 0.02, "{}", cpu(840.0));
    assert!((cpu(1_200.0) - 1.0).abs() < 1e-3, "{}", cpu(1_200.0));
    // All of it is 0.99 × 360 s of a vCPU, beside 0.1 × 1,800 s for requests.
    let report = &told.result.services[0];
    let used = report.cpu_percent.unwrap() / 100.0 * report.reserved_cpu_time as f64 / 1_024e6;
    assert!((used - 536.4).abs() < 0.5, "{used}");
}

#[test]
fn a_task_that_starts_leaves_half_of_its_cpu_for_requests() {
    // Without checks a task gets requests at once: one that starts has 0.5 vCPU for them, one that has started 1.
    let more = "behaviour = { startup_cpu = { vcpu = 1, duration = \"5m\" } }\nstarts_running = false\ntraffic = { cpu_ms_per_request = 100, generate = { per_second = 4 } }";
    let told = tell(&(head("15m") + &fargate(1, more)));
    let capacity = |at: f64| seconds(told.service_at(at), "capacity_per_s").unwrap();
    assert_eq!((capacity(240.0), capacity(600.0)), (5.0, 10.0));
}

#[test]
fn statistics_of_cpu_are_those_of_the_tasks() {
    // Of ten values the largest is 100 %, in full minutes; the ninth (p90) is that of the idle ones; p95 and p99 are the tenth.
    for (statistic, fires) in [
        ("Average", false),
        ("p50", false),
        ("p90", false),
        ("p95", true),
        ("p99", true),
        ("Maximum", true),
    ] {
        let statistic = format!("statistic = \"{statistic}\", ");
        let policy = add_five("cpu", &statistic, "threshold = 90");
        let told = one_of_ten_starts(&policy, "");
        assert_eq!(told.scaled().len(), usize::from(fires), "{statistic} {:?}", told.scaled());
        if let [(_, value, to)] = told.scaled()[..] {
            assert_eq!(to, 15);
            assert!(value > 90.0 && value < 102.0, "{value}");
        }
    }
}

#[test]
fn statistics_that_a_metric_does_not_have_are_refused() {
    let queue = |policy: &str| refused(&worker(1, policy, ""));
    let told = queue(&add_five("messages_visible", "statistic = \"p90\", ", "threshold = 1"));
    assert!(told.contains("the metric ApproximateNumberOfMessagesVisible has no statistic p90, but Average, Minimum, Maximum, Sum"), "{told}");
    let told = queue(&add_five("cpu", "statistic = \"p90\", ", "threshold = 1, period = \"5m\""));
    assert!(
        told.contains("the statistic p90 is taken of one minute: `period` must be \"60s\""),
        "{told}"
    );
    let told = queue(&add_five("messages_visible", "", "threshold = 1, period = \"20s\""));
    assert!(told.contains("has a point a minute: `period` must be whole minutes"), "{told}");
    let told = queue(&add_five("RequestCount", "", "threshold = 1"));
    assert!(
        told.contains("the metric RequestCount needs a `load_balancer` of type \"application\""),
        "{told}"
    );
    let more = "scaling = { min_capacity = 1, max_capacity = 2, target_tracking = [{ metric = \"cpu\", target_value = 5, high_resolution = true, statistic = \"p90\" }] }";
    let told = queue(more);
    assert!(told.contains("high-resolution metrics have the statistic \"Average\" only"), "{told}");
    let text = head("20m") + &fargate(1, &add_five("messages_visible", "", "threshold = 1"));
    assert!(
        refused(&text).contains("the metric ApproximateNumberOfMessagesVisible needs a `queue`")
    );
}

#[test]
fn deployments_watch_counts_and_percentiles() {
    // From 10 min on a revision answers every tenth request with an error, slowly, or never passes its checks. 100 a
    // second are 600 errors a minute; p99 of a constant time is that time.
    for (metric, threshold, behaviour, fails) in [
        ("target_5xx_count", "599", "error_percent = 10", true),
        ("target_5xx_count", "600", "error_percent = 10", false),
        ("elb_5xx_count", "0", "error_percent = 10", false),
        ("unhealthy_host_count", "0", "never_healthy_percent = 100", true),
        ("unhealthy_host_count", "4", "never_healthy_percent = 100", false),
        ("latency_p99_ms", "300", "cost_percent = 300", true),
        ("latency_p50_ms", "600", "cost_percent = 300", false),
    ] {
        let more = format!(
            "load_balancer = {{}}\ndeployment_configuration = {{ bake_time = \"10m\", alarms = {{ alarm = [{{ name = \"bad\", metric = \"{metric}\", threshold = {threshold} }}] }} }}\nupdate = [{{ at = \"10m\", behaviour = {{ {behaviour} }} }}]\ntraffic = {{ cpu_ms_per_request = 10, io_ms_per_request = 200, generate = {{ per_second = 100 }} }}"
        );
        let told = tell(&(head("40m") + &fargate(4, &more)));
        let failed = told.deployment(2, "FAILED", "");
        assert_eq!(failed.len(), usize::from(fails), "{metric} {threshold}: {failed:?}");
    }
}

/// Messages a minute apart from each other's fate: 10 a second, 10 ms each, at two tasks with a worker.
fn erring(fidelity: &str, queue: &str) -> Told {
    let more = format!(
        "behaviour = {{ error_percent = 50 }}\n[service.queue]\nfidelity = \"{fidelity}\"\n{queue}\ngenerate = {{ per_second = 10, poisson = false }}"
    );
    tell(&(head("30m") + &fargate(2, &more)))
}

#[test]
fn a_message_that_fails_too_often_is_a_dead_letter() {
    // 18,000 messages, half of all receives fail, and what fails is visible again 30 s later: a second time those of the
    // first 1,770 s, 8,850, a third time those of the first 1,740 s, 4,350. An eighth of those of the first 1,710 s are dead
    // letters in time: 2,137.5.
    let told = erring("fluid", "max_receive_count = 3");
    let requests = told.result.services[0].requests;
    assert_eq!(requests.offered, 18_000_000_000);
    assert_eq!(requests.dead_letters, 2_137_500_000);
    assert_eq!(requests.received_again, 13_200_000_000);
    assert_eq!(requests.errors, 0, "whoever fails does not answer");
    // One by one the standard deviation is 44.
    let told = erring("requests", "max_receive_count = 3");
    let requests = told.result.services[0].requests;
    assert_eq!(requests.offered, 18_000_000_000);
    let dead = requests.dead_letters as f64 / 1e6;
    assert!((2_000.0..2_400.0).contains(&dead), "{dead}");
    let again = requests.received_again as f64 / 1e6;
    assert!((12_500.0..13_900.0).contains(&again), "{again}");
    let column: f64 =
        told.services.iter().map(|row| seconds(row, "dropped_dead_letter").unwrap()).sum();
    assert!((column - dead).abs() < 1e-6, "services.csv has {column}");
}

#[test]
fn a_message_that_is_received_again_has_waited_for_its_visibility_timeouts() {
    // Half of all receives fail: of those that are done with after at most three, 4/7 are at the first, 2/7 after 30 s,
    // 1/7 after 60 s: the mean is (2 · 30 + 60) / 7 = 17.14 s and the time of the work, some 10 ms.
    for fidelity in ["fluid", "requests"] {
        let told = erring(fidelity, "max_receive_count = 3");
        let latency = &told.result.services[0].latency;
        let of = |span: Option<SimSpan>| span.expect("some were answered").to_secs_f64();
        assert!((of(latency.mean()) - 17.15).abs() < 1.0, "{fidelity}");
        assert!(of(latency.quantile(500)) < 0.1, "{fidelity}");
        assert!((of(latency.quantile(950)) - 60.0).abs() < 1.0, "{fidelity}");
    }
}

#[test]
fn messages_come_back_one_visibility_timeout_after_the_other() {
    // 10 a second for 10 min, then none; half of all receives fail, and come back after 5 min. In windows of 5 min: 3,000
    // first receives in each of the first two, half of them as second ones a window later, a quarter as third ones two
    // windows later; an eighth are dead letters in the fourth and fifth.
    let served = [1_500.0, 2_250.0, 1_125.0, 375.0, 0.0, 0.0];
    let dead = [0.0, 0.0, 0.0, 375.0, 375.0, 0.0];
    for fidelity in ["fluid", "requests"] {
        let more = format!(
            "behaviour = {{ error_percent = 50 }}\n[service.queue]\nfidelity = \"{fidelity}\"\nworkers = 4\n\
             visibility_timeout = \"5m\"\nmax_receive_count = 3\n\
             generate = {{ per_second = 10, poisson = false, step_change = [{{ at = \"10m\", factor = 0 }}] }}"
        );
        let told = tell(&(head("30m") + &fargate(2, &more)));
        // One by one: half of 3,000 has a standard deviation of 27, and windows share messages.
        let off = if fidelity == "fluid" { 1.0 } else { 160.0 };
        for (column, expected) in [("served", served), ("dropped_dead_letter", dead)] {
            let mut windows = [0.0; 6];
            for row in &told.services {
                let minute = (seconds(row, "time_s").unwrap() / 60.0) as usize;
                windows[minute.saturating_sub(1) / 5] += seconds(row, column).unwrap();
            }
            for (window, (is, should)) in windows.iter().zip(expected).enumerate() {
                assert!((is - should).abs() <= off, "{fidelity} {column} {window}: {windows:?}");
            }
        }
        let requests = told.result.services[0].requests;
        assert_eq!(requests.offered, 6_000_000_000);
        assert_eq!(requests.unfinished, 0);
    }
}

#[test]
fn a_message_that_takes_longer_than_its_visibility_is_worked_on_in_vain() {
    // 45 s of work, visible again after 30 s, and others are free: received twice, dead at 60 s. Nothing is ever done
    // with, though all workers work.
    let text = |fidelity: &str, desired: u32, queue: &str| {
        let more = format!(
            "[service.queue]\nfidelity = \"{fidelity}\"\nworkers = 100\ncpu_ms_per_message = 0\nio_ms_per_message = 45000\n{queue}\ngenerate = {{ per_second = 1, poisson = false }}"
        );
        head("20m") + &fargate(desired, &more)
    };
    for fidelity in ["fluid", "requests"] {
        let short = "visibility_timeout = \"30s\"\nmax_receive_count = 2";
        let requests = tell(&text(fidelity, 2, short)).result.services[0].requests;
        assert_eq!(requests.served, 0, "{fidelity}");
        assert!(requests.dead_letters >= 1_130_000_000, "{fidelity} {}", requests.dead_letters);
        assert!(requests.received_again >= 1_130_000_000, "{fidelity}");
        let long = "visibility_timeout = \"60s\"\nmax_receive_count = 2";
        let requests = tell(&text(fidelity, 2, long)).result.services[0].requests;
        assert!(requests.served >= 1_150_000_000, "{fidelity} {}", requests.served);
        assert_eq!((requests.dead_letters, requests.received_again), (0, 0), "{fidelity}");
    }
}

#[test]
fn a_request_whose_own_work_takes_longer_than_anybody_waits_is_dropped() {
    // A dependency answers after 90 s for ten minutes, and nobody waits longer than 30.
    for fidelity in ["fluid", "requests"] {
        let more = format!(
            "[service.traffic]\nfidelity = \"{fidelity}\"\ntimeout = \"30s\"\ncpu_ms_per_request = 5\n\
             generate = {{ per_second = 3 }}\n\
             [[failure]]\nat = \"5m\"\nkind = \"dependency_outage\"\nservice = \"api\"\nduration = \"10m\"\n\
             latency = \"90s\"\nhealth_checks = false\n"
        );
        let totals = tell(&(head("20m") + &fargate(2, &more))).result.services[0].requests;
        // 3 a second for 600 s: 1,800 requests that begin in the outage, and nobody else.
        let dropped = totals.dropped() as f64 / 1e6;
        assert!((dropped - 1_800.0).abs() < 100.0, "{fidelity}: {dropped}");
    }
}

#[test]
fn a_queue_that_keeps_messages_for_five_minutes_gives_them_ten_receives_of_thirty_seconds() {
    // Nine of ten receives fail: 0.9^10 = 34.9 % of the messages are never done with.
    for fidelity in ["fluid", "requests"] {
        let more = format!(
            "behaviour = {{ error_percent = 90 }}\n[service.queue]\nfidelity = \"{fidelity}\"\nworkers = 50\n\
             cpu_ms_per_message = 10\nvisibility_timeout = \"30s\"\nretention = \"5m\"\n\
             generate = {{ per_second = 20 }}"
        );
        let totals = tell(&(head("1h") + &fargate(2, &more))).result.services[0].requests;
        // Nothing of the last five minutes is lost yet: 55/60 of them.
        let lost = totals.timeout as f64 / totals.offered as f64;
        let all = 0.3487 * 55.0 / 60.0;
        assert!((lost - all).abs() < 0.01, "{fidelity}: {lost}");
    }
}

#[test]
fn a_lone_worker_is_done_before_its_message_can_be_received_again() {
    for fidelity in ["fluid", "requests"] {
        let more = format!(
            "[service.queue]\nfidelity = \"{fidelity}\"\ncpu_ms_per_message = 0\nio_ms_per_message = 45000\nvisibility_timeout = \"30s\"\ngenerate = {{ per_second = 0.0166667, poisson = false }}"
        );
        let requests = tell(&(head("20m") + &fargate(1, &more))).result.services[0].requests;
        assert!(requests.served >= 18_000_000, "{fidelity} {}", requests.served);
        assert_eq!(requests.received_again, 0, "{fidelity}");
    }
}

/// Two workers with 20 s of work a message, more than they can do; one of them is stopped after ten minutes. Gives
/// seconds from SIGTERM to the last container's exit, the exit code, and what came of the messages.
fn stopped_at_work(at: u32, stop_timeout: &str, service: &str, queue: &str) -> (f64, String, Told) {
    let head =
        head("30m").replace("image_mib", &format!("stop_timeout = \"{stop_timeout}\"\nimage_mib"));
    let more = format!(
        "{service}\nupdate = [{{ at = \"{at}s\", desired_count = 1 }}]\n[service.queue]\nfidelity = \"requests\"\ncpu_ms_per_message = 0\nio_ms_per_message = 20000\n{queue}\ngenerate = {{ per_second = 0.2, poisson = false }}"
    );
    let told = tell(&(head + &fargate(2, &more)));
    let stopped: Vec<_> = told.tasks.iter().filter(|row| !row["stopping_s"].is_empty()).collect();
    let [row] = stopped[..] else { panic!("{stopped:?}") };
    let took = seconds(row, "execution_stopped_s").unwrap() - seconds(row, "stopping_s").unwrap();
    (took, row["exit_code"].clone(), told)
}

#[test]
fn a_worker_that_finishes_on_stop_takes_the_rest_of_its_message() {
    // A service may say how long its containers take: 3 s, and the message goes back at once.
    let stop = "container_stop = \"3s\"";
    let (took, code, told) = stopped_at_work(600, "30s", stop, "visibility_timeout = \"10m\"");
    assert_eq!((took, code.as_str()), (3.0, "0"));
    assert_eq!(told.result.services[0].requests.received_again, 1_000_000, "ten minutes later");
    // With `finish_on_stop` the rest of its 20 s first, and nothing is done twice.
    let queue = "visibility_timeout = \"10m\"\nfinish_on_stop = true";
    let mut killed = 0;
    for at in [600, 610] {
        let (took, code, told) = stopped_at_work(at, "30s", stop, queue);
        assert!(took > 3.0 && took <= 23.0, "{took}");
        assert_eq!(code, "0");
        assert_eq!(told.result.services[0].requests.received_again, 0);
        // Within the stop timeout: then it is killed, and a message that is not done comes back.
        let is_late = took - 3.0 > 5.0;
        let (took, code, told) = stopped_at_work(at, "5s", stop, queue);
        assert_eq!((took, code.as_str()), if took < 5.0 { (took, "0") } else { (5.0, "137") });
        let again = told.result.services[0].requests.received_again;
        assert_eq!(again, if is_late { 1_000_000 } else { 0 });
        killed += u32::from(is_late);
    }
    assert!(killed > 0, "one of two that are half a message apart");
}

#[test]
fn a_worker_that_finishes_has_its_own_stop_timeout_and_not_that_of_the_whole_chain() {
    // 3 s each: the app first, within 5 s, whatever it still works on, and then the proxy.
    let chain = "visibility_timeout = \"10m\"\nfinish_on_stop = true";
    let containers = "[[task_definition.container]]\nname = \"app\"\nimage_mib = 50\n\
                      depends_on = [{ container = \"proxy\" }]\nstop_timeout = \"5s\"\n\
                      [[task_definition.container]]\nname = \"proxy\"\nstop_timeout = \"5s\"\n";
    let mut killed = 0;
    for at in [600, 610] {
        let (alone, ..) = stopped_at_work(at, "30s", "container_stop = \"3s\"", chain);
        let head = head("30m").replace("image_mib = 50\n", "") + containers;
        let more = format!(
            "container_stop = \"3s\"\nupdate = [{{ at = \"{at}s\", desired_count = 1 }}]\n[service.queue]\nfidelity = \"requests\"\ncpu_ms_per_message = 0\nio_ms_per_message = 20000\n{chain}\ngenerate = {{ per_second = 0.2, poisson = false }}"
        );
        let told = tell(&(head + &fargate(2, &more)));
        let row = told.tasks.iter().find(|row| !row["stopping_s"].is_empty()).unwrap();
        let took =
            seconds(row, "execution_stopped_s").unwrap() - seconds(row, "stopping_s").unwrap();
        let is_late = took >= 8.0;
        assert!(took <= 8.0, "{took} where the app alone takes {alone}");
        assert_eq!(row["exit_code"], if is_late { "137" } else { "0" });
        killed += u32::from(is_late);
    }
    assert!(killed > 0, "one of two that are half a message apart");
}

#[test]
fn tasks_that_work_on_a_message_can_be_protected() {
    // Six messages of ten minutes at four tasks; after five minutes one task is wanted. Two take a second one.
    for fidelity in ["fluid", "requests"] {
        let first = |protection: &str| {
            let more = format!(
                "{protection}\nupdate = [{{ at = \"5m\", desired_count = 1 }}]\n[service.queue]\nfidelity = \"{fidelity}\"\ncpu_ms_per_message = 0\nio_ms_per_message = 600000\ngenerate = {{ per_second = 0.1, poisson = false, step_change = [{{ at = \"60s\", factor = 0 }}] }}"
            );
            let told = tell(&(head("1h") + &fargate(4, &more)));
            let stops = told.tasks.iter().filter_map(|row| seconds(row, "stopping_s"));
            let stops: Vec<f64> = stops.collect();
            assert_eq!(stops.len(), 3, "{fidelity} {protection}");
            (stops.into_iter().fold(f64::MAX, f64::min), told)
        };
        let (at, _) = first("");
        assert!(at < 310.0, "{fidelity} {at}");
        let (at, told) = first("protection = { while_busy = true }");
        assert!(at >= 600.0, "{fidelity} {at}");
        assert_eq!(told.result.services[0].requests.served, 6_000_000, "{fidelity}");
    }
}

#[test]
fn keys_of_queues_that_cannot_be_are_refused() {
    let queue = |more: &str, keys: &str| refused(&worker(1, more, keys));
    let told = queue("", "visibility_timeout = \"2h\"\nretention = \"1h\"");
    assert!(told.contains("`visibility_timeout` is longer than `retention`"), "{told}");
    let told = queue("", "visibility_timeout = \"13h\"");
    assert!(told.contains("must be between 1s and 12h"), "{told}");
    let told = queue("", "max_receive_count = 0");
    assert!(told.contains("must be between 1 and 1,000"), "{told}");
    let told = queue("protection = { while_busy = true, renewed = true }", "");
    assert!(told.contains("`renewed` is about protection from the start on"), "{told}");
    let text = head("1h") + &fargate(1, "protection = { while_busy = true }");
    assert!(refused(&text).contains("`while_busy` is about messages: it needs a `queue`"));
}

/// Four tasks behind a balancer, 10 requests a second of 10 ms; a failure.
fn hiccup(failure: &str, fidelity: &str) -> Told {
    let more = format!(
        "load_balancer = {{ health_check = {{ interval = \"10s\", healthy_threshold = 2 }}, deregistration_delay = \"0s\" }}\n[service.traffic]\nfidelity = \"{fidelity}\"\ncpu_ms_per_request = 10\ngenerate = {{ per_second = 10, poisson = false }}\n\n[[failure]]\nservice = \"api\"\n{failure}"
    );
    tell(&(head("30m") + &fargate(4, &more)))
}

#[test]
fn a_dependency_that_is_gone_makes_all_tasks_fail() {
    // Nobody notices: 2 min × 10/s are errors, and nothing else happens.
    for fidelity in ["fluid", "requests"] {
        let told = hiccup(
            "at = \"10m\"\nkind = \"dependency_outage\"\nduration = \"2m\"\nhealth_checks = false",
            fidelity,
        );
        let requests = told.result.services[0].requests;
        assert_eq!(told.tasks.len(), 4);
        let off = (requests.errors as f64 / 1e6 - 1_200.0).abs();
        assert!(off < 5.0, "{fidelity} {}", requests.errors);
        assert_eq!(requests.dropped(), 0);
    }
    // The checks ask for it, too: two failures of checks that are 10 s apart and hang for 5 s: unhealthy after 15 to 25 s,
    // and replaced, all four; the new ones are not healthy before it is over.
    let told = hiccup("at = \"10m\"\nkind = \"dependency_outage\"\nduration = \"2m\"", "fluid");
    let stops: Vec<f64> = told.tasks.iter().filter_map(|t| seconds(t, "stopping_s")).collect();
    assert!(stops.len() >= 4, "{stops:?}");
    assert!(stops.iter().all(|&at| at > 615.0 && at < 900.0), "{stops:?}");
    let healthy = |at: f64| told.service_at(at)["healthy"].clone();
    assert_eq!((healthy(600.0).as_str(), healthy(660.0).as_str()), ("4", "0"));
    assert_eq!((healthy(720.0).as_str(), healthy(900.0).as_str()), ("0", "4"));
}

#[test]
fn an_outage_that_is_short_is_not_noticed_by_checks() {
    // One failure of two: at most 10 s apart, and nobody is replaced.
    let told = hiccup("at = \"10m\"\nkind = \"dependency_outage\"\nduration = \"9s\"", "fluid");
    assert_eq!(told.tasks.len(), 4);
    assert_eq!(told.result.services[0].requests.errors, 90_000_000);
}

#[test]
fn a_dependency_that_is_slow_makes_answers_slow() {
    // 2 s more for each request: the mean of the minute in between is 2.01 s, and back to 10 ms after it.
    let means = ["fluid", "requests"].map(|fidelity| {
        let slow =
            "at = \"10m\"\nkind = \"dependency_outage\"\nduration = \"2m\"\nlatency = \"2s\"";
        let told = hiccup(slow, fidelity);
        let mean = |at: f64| seconds(told.service_at(at), "latency_mean_s").unwrap();
        assert!((mean(720.0) - 2.01).abs() < 0.01, "{fidelity} {}", mean(720.0));
        assert!(mean(600.0) < 0.02 && mean(840.0) < 0.02, "{fidelity}");
        let requests = told.result.services[0].requests;
        assert_eq!((requests.errors, requests.dropped()), (0, 0), "{fidelity}");
        assert_eq!(told.tasks.len(), 4, "checks wait for 5 s");
        told.result.services[0].latency.mean().unwrap().to_secs_f64()
    });
    // Of the whole run each stretch counts as it was.
    assert!((means[0] / means[1] - 1.0).abs() < 0.02, "{means:?}");
    // Longer than a check waits: all are replaced.
    let slow = "at = \"10m\"\nkind = \"dependency_outage\"\nduration = \"2m\"\nlatency = \"6s\"";
    assert!(hiccup(slow, "fluid").tasks.len() >= 8);
}

#[test]
fn somebody_stops_a_task() {
    let told = hiccup("at = \"10m\"\nkind = \"stop_task\"\ntasks = 2", "fluid");
    let stopped: Vec<_> = told.tasks.iter().filter(|t| !t["stopping_s"].is_empty()).collect();
    assert_eq!(stopped.len(), 2);
    for task in stopped {
        assert_eq!(seconds(task, "stopping_s"), Some(600.0));
        assert_eq!(
            (task["stop_code"].as_str(), task["exit_code"].as_str()),
            ("UserInitiated", "143")
        );
    }
    assert_eq!(told.tasks.len(), 6, "and the scheduler starts two others");
}

#[test]
fn a_deployment_can_be_stopped_by_hand() {
    let rolling = |how: &str| {
        let more = format!(
            "load_balancer = {{ deregistration_delay = \"0s\" }}\nupdate = [{{ at = \"10m\", behaviour = {{ never_healthy_percent = 100 }} }}, {{ at = \"15m\", stop_deployment = \"{how}\" }}]"
        );
        tell(&(head("40m") + &fargate(2, &more)))
    };
    let told = rolling("ROLLBACK");
    assert_eq!(told.once(2, "FAILED", ""), 900.0);
    assert_eq!(told.once(2, "ROLLING_BACK", ""), 900.0);
    assert!(told.once(1, "IN_PROGRESS", "") >= 900.0);
    assert!(told.placed(960.0).is_empty(), "no more tasks of the bad revision");
    let told = rolling("ABORT");
    assert_eq!(told.once(2, "FAILED", ""), 900.0);
    assert!(told.deployment(2, "ROLLING_BACK", "").is_empty());
    assert!(told.placed(900.0).is_empty(), "nothing is started any more");
    // Nothing to stop: nothing happens.
    let more = "update = [{ at = \"10m\", stop_deployment = \"ROLLBACK\" }]";
    assert!(tell(&(head("20m") + &fargate(2, more))).deployment(1, "FAILED", "").is_empty());
}

#[test]
fn a_canary_can_be_stopped_by_hand() {
    let more = "load_balancer = { deregistration_delay = \"0s\" }\ndeployment_configuration = { strategy = \"CANARY\", canary = { percent = 10, bake_time = \"30m\" } }\nupdate = [{ at = \"10m\", force_new_deployment = true }, { at = \"20m\", stop_deployment = \"ROLLBACK\" }]\ntraffic = { generate = { per_second = 10 } }";
    let told = tell(&(head("1h") + &fargate(2, more)));
    assert_eq!(told.once(2, "FAILED", ""), 1_200.0);
    let last = told.services.last().unwrap();
    assert_eq!((last["running"].as_str(), last["newest_revision"].as_str()), ("2", "2"));
}

#[test]
fn failures_that_cannot_be_are_refused() {
    let failure = |keys: &str| {
        let balancer =
            format!("load_balancer = {{}}\n\n[[failure]]\nservice = \"api\"\nat = \"1m\"\n{keys}");
        refused(&(head("1h") + &fargate(1, &balancer)))
    };
    let told = failure("kind = \"dependency_outage\"");
    assert!(told.contains("a \"dependency_outage\" needs a `duration`"), "{told}");
    let told = failure("kind = \"dependency_outage\"\nduration = \"1m\"\ntasks = 2");
    assert!(told.contains("an outage is felt by all tasks"), "{told}");
    let told = failure("duration = \"1m\"");
    assert!(told.contains("`duration` is about the kind \"dependency_outage\""), "{told}");
    let told = failure(
        "kind = \"dependency_outage\"\nduration = \"5m\"\n\n[[failure]]\nservice = \"api\"\nat = \"3m\"\nkind = \"dependency_outage\"\nduration = \"1m\"",
    );
    assert!(told.contains("two outages of what this service depends on overlap"), "{told}");
    let update = |keys: &str| refused(&(head("1h") + &fargate(1, keys)));
    let told = update(
        "deployment_controller = \"EXTERNAL\"\nupdate = [{ at = \"1m\", stop_deployment = \"ABORT\" }]",
    );
    assert!(told.contains("StopServiceDeployment is for the deployment controller ECS"), "{told}");
    let told = update(
        "load_balancer = {}\ndeployment_configuration = { strategy = \"BLUE_GREEN\" }\nupdate = [{ at = \"1m\", stop_deployment = \"ABORT\" }]",
    );
    assert!(told.contains("the strategy BLUE_GREEN can be stopped by \"ROLLBACK\" only"), "{told}");
}

#[test]
fn updates_change_how_deployments_go() {
    // 100/200 by default: eight tasks alive at a time. From 5 min on 50/100: never more than four, two at a time.
    let more = "load_balancer = { deregistration_delay = \"300s\" }\nupdate = [{ at = \"5m\", deployment_configuration = { minimum_healthy_percent = 50, maximum_percent = 100 }, load_balancer = { deregistration_delay = \"0s\" } }, { at = \"10m\", force_new_deployment = true }]";
    let told = tell(&(head("40m") + &fargate(4, more)));
    let most = told.services.iter().map(|row| count(row, "running") + count(row, "pending")).max();
    assert_eq!(most, Some(4));
    let first =
        told.tasks.iter().filter_map(|row| seconds(row, "stopping_s")).fold(f64::MAX, f64::min);
    assert!(first < 606.0, "no deregistration delay any more: {first}");
    assert!(told.once(2, "COMPLETED", "") < 1_000.0);
}

#[test]
fn updates_change_the_strategy_and_the_alarms() {
    let more = "load_balancer = { deregistration_delay = \"0s\" }\nupdate = [{ at = \"5m\", deployment_configuration = { strategy = \"CANARY\", canary = { percent = 10, bake_time = \"10m\" }, alarms = { alarm = [{ name = \"errors\", metric = \"target_5xx_count\", threshold = 0 }] } } }, { at = \"10m\", behaviour = { error_percent = 50 } }]\ntraffic = { generate = { per_second = 10 } }";
    let told = tell(&(head("40m") + &fargate(2, more)));
    assert!(!told.deployment(2, "STAGE", "PRODUCTION_TRAFFIC_SHIFT").is_empty());
    let failed = told.once(2, "FAILED", "");
    // A tenth of the traffic fails by half for at least a minute, seen two minutes later.
    assert!((780.0..1_100.0).contains(&failed), "{failed}");
}

#[test]
fn updates_change_the_limits_of_scaling_and_the_grace() {
    let scaling = "scaling = { min_capacity = 1, max_capacity = 4 }";
    let more = format!(
        "{scaling}\nupdate = [{{ at = \"5m\", min_capacity = 3 }}, {{ at = \"15m\", min_capacity = 1, max_capacity = 2 }}]"
    );
    let told = tell(&(head("30m") + &fargate(2, &more)));
    let desired = |at: f64| count(told.service_at(at), "desired");
    assert_eq!((desired(240.0), desired(360.0), desired(960.0)), (2, 3, 2));
    assert_eq!(told.scaling.len(), 2);
    // Tasks that answer after 2 min are replaced without a grace period, and not with one of 5 min from 5 min on.
    let started = |update: &str| {
        let more = format!(
            "load_balancer = {{ deregistration_delay = \"0s\" }}\nbehaviour = {{ ready_after = \"2m\" }}\nupdate = [{update}{{ at = \"10m\", desired_count = 2 }}]"
        );
        tell(&(head("30m") + &fargate(1, &more))).tasks.len()
    };
    assert!(started("") > 2);
    assert_eq!(started("{ at = \"5m\", health_check_grace_period = \"5m\" }, "), 2);
}

#[test]
fn updates_that_cannot_be_are_refused() {
    let update = |service: &str, update: &str| {
        refused(
            &(head("1h")
                + &fargate(1, &format!("{service}\nupdate = [{{ at = \"1m\", {update} }}]"))),
        )
    };
    let told = update("", "min_capacity = 1");
    assert!(
        told.contains("`min_capacity` is about `scaling`, which the service does not have"),
        "{told}"
    );
    let told = update("scaling = { min_capacity = 1, max_capacity = 4 }", "min_capacity = 5");
    assert!(told.contains("`min_capacity` 5 is above `max_capacity` 4 then"), "{told}");
    let told = update("", "load_balancer = { deregistration_delay = \"0s\" }");
    assert!(told.contains("the service has no `load_balancer` to change"), "{told}");
    let told =
        update("load_balancer = {}", "load_balancer = { health_check = { timeout = \"60s\" } }");
    assert!(told.contains("`timeout` would be above the `interval`"), "{told}");
    let told = update("", "deployment_configuration = { strategy = \"CANARY\" }");
    assert!(told.contains("the strategy CANARY needs a `load_balancer`"), "{told}");
}

#[test]
fn the_table_says_since_when_a_task_leaves_its_load_balancer() {
    let told = |balancer: &str| {
        let more = format!("{balancer}update = [{{ at = \"10m\", desired_count = 1 }}]");
        tell(&(head("20m") + &fargate(2, &more)))
    };
    let of = |told: &Told| {
        let stopped = told.tasks.iter().find(|task| !task["stopping_s"].is_empty());
        let task = stopped.expect("one is scaled in");
        let lives = told.tasks.iter().find(|task| task["stopping_s"].is_empty());
        assert_eq!(lives.expect("one lives")["deactivating_s"], "");
        let at = |column: &str| seconds(task, column).unwrap();
        (at("deactivating_s"), at("stopping_s") - at("deactivating_s"))
    };
    // DEACTIVATING for the deregistration delay of 45 s, then SIGTERM.
    let (since, lasts) = of(&told("load_balancer = { deregistration_delay = \"45s\" }\n"));
    assert!((600.0..606.0).contains(&since), "{since}");
    assert_eq!(lasts, 45.0);
    assert_eq!(of(&told("")).1, 0.0);
}
