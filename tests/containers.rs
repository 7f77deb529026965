//! Containers of a task: one after the other (`dependsOn`), and started again in place (`restartPolicy`).

use crate::support::services::{Told, seconds, tell};
use ecsim::scenario::load_text;
use std::path::Path;

/// A service of two tasks on Fargate whose stages take no time but for 2 s a container start; `containers` are TOML.
fn service(containers: &str, service: &str) -> String {
    format!(
        "[simulation]\nduration = \"2h\"\n\n[latency]\nfargate_eni = \"0s\"\nfargate_prepare = \"0s\"\nfargate_start = \"2s\"\n\n[[task_definition]]\nfamily = \"w\"\ncpu = 1024\nmemory = 2048\nnetwork_mode = \"awsvpc\"\n{containers}\n\n[[service]]\nname = \"api\"\ntask_definition = \"w\"\nlaunch_type = \"FARGATE\"\ndesired_count = 2\n{service}\n"
    )
}

fn refused(text: &str) -> String {
    load_text(text, "t.toml", Path::new("."), &[]).expect_err("it is wrong").to_string()
}

/// Seconds from placement to RUNNING of the first task.
fn start(containers: &str) -> f64 {
    let told = tell(&service(containers, "starts_running = false"));
    seconds(&told.tasks[0], "started_s").unwrap() - seconds(&told.tasks[0], "placed_s").unwrap()
}

#[test]
fn containers_start_one_after_the_other() {
    let app = "[[task_definition.container]]\nname = \"app\"\n";
    let proxy = "[[task_definition.container]]\nname = \"proxy\"\n";
    let initial =
        "[[task_definition.container]]\nname = \"init\"\nessential = false\nruns_for = \"15s\"\n";
    // All at once.
    assert_eq!(start(&format!("{app}{proxy}{initial}")), 2.0);
    // proxy, then app.
    let on_proxy = "depends_on = [{ container = \"proxy\" }]\n";
    assert_eq!(start(&format!("{app}{on_proxy}{proxy}")), 4.0);
    // init starts in 2 s and runs for 15 s, then proxy, then app.
    let on_init = "depends_on = [{ container = \"init\", condition = \"SUCCESS\" }]\n";
    assert_eq!(start(&format!("{app}{on_proxy}{proxy}{on_init}{initial}")), 21.0);
    // The proxy is healthy at its first check, 10 s after its start.
    let healthy = "depends_on = [{ container = \"proxy\", condition = \"HEALTHY\" }]\n";
    let check = "health_check = { interval = \"10s\" }\n";
    assert_eq!(start(&format!("{app}{healthy}{proxy}{check}")), 14.0);
}

/// How long the first task that stops takes from SIGTERM until its last container has exited, and its exit code.
fn stop(containers: &str, keys: &str) -> (f64, String) {
    let text = service(containers, keys).replace("[latency]", "[latency]\ncontainer_stop = \"5s\"");
    let told = tell(&text);
    let stopped = told.tasks.iter().find(|task| !task["execution_stopped_s"].is_empty());
    let task = stopped.expect("a task stops");
    let at = |column: &str| seconds(task, column).unwrap();
    (at("execution_stopped_s") - at("stopping_s"), task["exit_code"].clone())
}

#[test]
fn containers_stop_in_the_reverse_order_of_their_dependencies() {
    let container = |name: &str, keys: &str| {
        format!("[[task_definition.container]]\nname = \"{name}\"\n{keys}\n")
    };
    let on = |name: &str| format!("depends_on = [{{ container = \"{name}\" }}]");
    let scaled = "update = [{ at = \"10m\", desired_count = 1 }]";
    let (app, proxy, log) =
        (container("app", &on("proxy")), container("proxy", ""), container("log", ""));
    // Together: 5 s. The app, then the proxy: 10 s. The app, then proxy and log together: 10 s. In a chain: 15 s.
    assert_eq!(stop(&format!("{proxy}{log}"), scaled).0, 5.0);
    assert_eq!(stop(&format!("{app}{proxy}"), scaled).0, 10.0);
    let both = "depends_on = [{ container = \"proxy\" }, { container = \"log\" }]";
    assert_eq!(stop(&format!("{}{proxy}{log}", container("app", both)), scaled).0, 10.0);
    let chain = format!("{app}{}{log}", container("proxy", &on("log")));
    assert_eq!(stop(&chain, scaled).0, 15.0);
    // One that others wait for to end has ended.
    let ended = "depends_on = [{ container = \"init\", condition = \"SUCCESS\" }]";
    let initial = container("init", "essential = false\nruns_for = \"1s\"");
    assert_eq!(stop(&format!("{}{initial}", container("app", ended)), scaled).0, 5.0);
    // Each has its own time until SIGKILL: 3 s and 3 s.
    let killed = container("app", &format!("{}\nstop_timeout = \"3s\"", on("proxy")));
    let quick = container("proxy", "stop_timeout = \"3s\"");
    assert_eq!(stop(&format!("{killed}{quick}"), scaled), (6.0, "137".to_string()));
    // The service's own time goes before.
    let own = format!("container_stop = \"7s\"\n{scaled}");
    assert_eq!(stop(&format!("{app}{proxy}"), &own).0, 14.0);
    // An app that crashes has exited: only the proxy is stopped.
    let crash = "behaviour = { time_to_failure = \"400s\" }";
    assert_eq!(stop(&format!("{app}{proxy}"), crash).0, 5.0);
}

#[test]
fn an_order_that_cannot_be_is_refused() {
    let two = |first: &str, second: &str| {
        refused(&service(
            &format!(
                "[[task_definition.container]]\nname = \"a\"\n{first}\n[[task_definition.container]]\nname = \"b\"\n{second}"
            ),
            "",
        ))
    };
    let on = |name: &str, condition: &str| {
        format!("depends_on = [{{ container = \"{name}\", condition = \"{condition}\" }}]")
    };
    let told = two(&on("b", "START"), &on("a", "START"));
    assert!(told.contains("containers wait for each other in a circle"), "{told}");
    let told = two(&on("c", "START"), "");
    assert!(told.contains("`depends_on` names the container \"c\", which there is not"), "{told}");
    let told = two(&on("b", "HEALTHY"), "");
    assert!(
        told.contains("the container \"b\" has no `health_check` to become HEALTHY by"),
        "{told}"
    );
    let told = two(&on("b", "COMPLETE"), "");
    assert!(told.contains("nobody can wait for COMPLETE of an essential container"), "{told}");
    let told = two("restart_policy = { restart_attempt_period = \"59s\" }", "");
    assert!(told.contains("must be between 1m and 30m"), "{told}");
}

/// Tasks that crash 400 s after each start of their container.
fn crashing(policy: &str, service_keys: &str) -> Told {
    let container = format!("[[task_definition.container]]\nname = \"app\"\n{policy}\n");
    tell(&service(
        &container,
        &format!(
            "behaviour = {{ time_to_failure = \"400s\", crash_exit_code = 3 }}\n{service_keys}"
        ),
    ))
}

#[test]
fn a_container_that_crashes_is_started_again_in_place() {
    // Every 402 s: 400 s of work, 2 s to start. At 400, 802, ..., in 7,200 s ⌊(7,200 − 400) / 402⌋ + 1 = 17 times each.
    let told = crashing("restart_policy = {}", "");
    assert_eq!(told.tasks.len(), 2, "no task is replaced");
    assert_eq!(told.result.services[0].restarts, 34);
    assert_eq!(told.result.services[0].tasks_failed, 0);
    // Without a policy each crash is another task.
    assert!(crashing("", "").tasks.len() > 30);
    // An exit code that is ignored, a container that did not run for long enough: the task ends.
    for policy in [
        "{ ignored_exit_codes = [0, 3] }",
        "{ restart_attempt_period = \"401s\" }",
        "{ enabled = false }",
    ] {
        let told = crashing(&format!("restart_policy = {policy}"), "");
        assert_eq!(told.result.services[0].restarts, 0, "{policy}");
        assert!(told.tasks.len() > 30, "{policy}");
    }
}

#[test]
fn a_sidecar_that_crashes_ends_its_task_unless_it_is_started_again() {
    let with = |app: &str, sidecar: &str, keys: &str| {
        let containers = format!(
            "[[task_definition.container]]\nname = \"app\"\n{app}\n\
             [[task_definition.container]]\nname = \"proxy\"\ntime_to_failure = \"400s\"\ncrash_exit_code = 3\n{sidecar}\n"
        );
        tell(&service(&containers, keys))
    };
    // As the first container does: at 400, 802, ..., 17 times each, and no request is lost.
    let traffic = "load_balancer = {}\n[service.traffic]\ncpu_ms_per_request = 1\ngenerate = { per_second = 10 }";
    let told = with("", "restart_policy = {}", traffic);
    let service = &told.result.services[0];
    assert_eq!((told.tasks.len(), service.restarts, service.tasks_failed), (2, 34, 0));
    assert_eq!((service.requests.errors, service.requests.dropped()), (0, 0));
    // Without a policy, with an exit code that it ignores, or after too short a life: the task ends.
    for policy in [
        "",
        "restart_policy = { enabled = false }",
        "restart_policy = { ignored_exit_codes = [0, 3] }",
        "restart_policy = { restart_attempt_period = \"401s\" }",
    ] {
        let told = with("", policy, "");
        assert_eq!(told.result.services[0].restarts, 0, "{policy}");
        let ended: Vec<_> = told.tasks.iter().filter(|of| !of["stopped_s"].is_empty()).collect();
        assert!(ended.len() > 30, "{policy}: {}", ended.len());
        for task in ended {
            let lived = seconds(task, "stopping_s").unwrap() - seconds(task, "started_s").unwrap();
            assert!((lived - 400.0).abs() < 1e-6, "{policy}: {lived}");
            assert_eq!(
                (task["exit_code"].as_str(), task["stop_code"].as_str()),
                ("3", "EssentialContainerExited")
            );
        }
    }
    // The app's own restarts go on until the sidecar ends the task: each task has one, at 300 s.
    let told = with(
        "restart_policy = {}",
        "",
        "behaviour = { time_to_failure = \"300s\", crash_exit_code = 9 }",
    );
    let ended = told.tasks.iter().filter(|of| !of["stopped_s"].is_empty()).count() as u64;
    assert!(ended > 30, "{ended}");
    let restarts = told.result.services[0].restarts;
    assert!((ended..=ended + 2).contains(&restarts), "{restarts} of {ended}");
    assert!(told.tasks.iter().all(|of| of["exit_code"] == "3" || of["stopped_s"].is_empty()));
    // Of two sidecars the earlier one decides.
    let third = "[[task_definition.container]]\nname = \"log\"\ntime_to_failure = \"200s\"\ncrash_exit_code = 5";
    let told = with("", third, "");
    assert!(told.tasks.iter().filter(|of| of["exit_code"] == "5").count() > 60);
    assert!(told.tasks.iter().all(|of| of["exit_code"] != "3"));
}

#[test]
fn crashes_that_never_come_are_refused_and_policies_that_do_nothing_are_noted() {
    let two = |first: &str, second: &str| {
        service(
            &format!(
                "[[task_definition.container]]\nname = \"a\"\n{first}\n[[task_definition.container]]\nname = \"b\"\n{second}"
            ),
            "",
        )
    };
    let told = refused(&two("time_to_failure = \"1h\"", ""));
    assert!(told.contains("is the service's to say: `behaviour.time_to_failure`"), "{told}");
    let told = refused(&two("", "essential = false\ntime_to_failure = \"1h\""));
    assert!(told.contains("that is not essential changes nothing"), "{told}");
    let told = refused(&two("", "crash_exit_code = 3"));
    assert!(told.contains("`crash_exit_code` is of containers with a `time_to_failure`"), "{told}");
    let notes =
        |text: &str| load_text(text, "t.toml", Path::new("."), &[]).unwrap().notes.join("\n");
    let told = notes(&two("", "restart_policy = {}"));
    assert!(told.contains("never crashes; `time_to_failure` of the container"), "{told}");
    let told = notes(&two("", "essential = false\nrestart_policy = {}"));
    assert!(told.contains("not essential changes nothing"), "{told}");
    assert_eq!(
        notes(&two("restart_policy = {}", "time_to_failure = \"1h\"\nrestart_policy = {}")),
        ""
    );
}

#[test]
fn an_application_does_not_answer_while_its_container_starts_again() {
    // Behind a balancer that has not noticed yet: of 10 requests a second both tasks together fail all for 2 s: 20 errors
    // a time, 17 times.
    for fidelity in ["fluid", "requests"] {
        let told = crashing(
            "restart_policy = {}",
            &format!(
                "load_balancer = {{}}\n[service.traffic]\nfidelity = \"{fidelity}\"\ncpu_ms_per_request = 1\ngenerate = {{ per_second = 10, poisson = false }}"
            ),
        );
        assert_eq!(told.tasks.len(), 2);
        let requests = told.result.services[0].requests;
        let errors = requests.errors as f64 / 1e6;
        assert!((errors - 340.0).abs() < 40.0, "{fidelity} {errors}");
        assert!(requests.dropped() < 5_000_000, "{fidelity} {}", requests.dropped());
    }
    // One that needs a minute to be ready is seen unhealthy, and replaced.
    let slow = "load_balancer = { health_check = { interval = \"10s\" }, deregistration_delay = \"0s\" }\nhealth_check_grace_period = \"90s\"";
    let container = "[[task_definition.container]]\nname = \"app\"\nrestart_policy = {}\n";
    let told = tell(&service(
        container,
        &format!("behaviour = {{ time_to_failure = \"400s\", ready_after = \"60s\" }}\n{slow}"),
    ));
    let reasons: Vec<_> = told.tasks.iter().map(|task| task["stopped_reason"].clone()).collect();
    let failed = reasons.iter().filter(|why| why.contains("failed ELB health checks")).count();
    assert!(failed > 0, "{reasons:?}");
    // Each of them has a line among the events, too.
    let events = told.event("SERVICE_TASK_UNHEALTHY");
    assert!(events.len() >= failed, "{} and {failed}", events.len());
    let text = "(service api) has an unhealthy task: Task failed ELB health checks.";
    assert!(events.iter().all(|(_, told)| told == text), "{events:?}");
}

#[test]
fn pulls_on_an_instance_share_its_disk() {
    let pulls = |images: u32, disk: &str| {
        let head = format!(
            "[simulation]\nduration = \"1h\"\n\n[latency]\n{disk}\n\n[[capacity_provider]]\nname = \"ec2\"\ninstance_types = [\"m5.2xlarge\"]\ndesired_capacity = 1\n"
        );
        let one = |index: u32| {
            format!(
                "\n[[task_definition]]\nfamily = \"i{index}\"\ncpu = 128\nmemory = 128\nimage_mib = 1024\n\n[[service]]\nname = \"i{index}\"\ntask_definition = \"i{index}\"\nstarts_running = false\n"
            )
        };
        let told = tell(&(head + &(0..images).map(one).collect::<String>()));
        let times =
            |column: &'static str| told.tasks.iter().map(move |t| seconds(t, column).unwrap());
        let first = times("pull_started_s").fold(f64::MAX, f64::min);
        times("pull_stopped_s").fold(0.0, f64::max) - first
    };
    // 1,024 MiB at 60 MiB/s: 17.07 s. Ten of them are 10,240 MiB for a disk of 125 MiB/s: 81.92 s.
    assert!((pulls(1, "") - 17.066_667).abs() < 1e-3);
    assert!((pulls(10, "") - 81.92).abs() < 1e-3, "{}", pulls(10, ""));
    // Without a limit each is as fast as alone; they begin within the 5 s in which schedulers react.
    assert!(pulls(10, "ec2_disk_mib_per_s = \"off\"") < 22.1);
    assert!((pulls(10, "ec2_disk_mib_per_s = 250") - 40.96).abs() < 1e-3);
}
