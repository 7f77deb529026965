//! Outages of registries of images and of metrics, from end to end: scenarios as text, run under all checks, each instant
//! worked out by hand.
//!
//! The image takes 10 s, its container 2 s more on EC2 and 15 s more on Fargate, where a pull begins 15 s after the task
//! was placed. An agent tries five times: 1.1, 2.2, 4.4 and 5 s after the failure before.

use crate::support::fleet::{BOXES, LATENCY, Moved, errors, run};
use crate::support::services::{Told, tell};
use ecsim::base::time::SimTime;
use ecsim::metrics::incident::Incident;

fn scenario(agent: &str, more: &str) -> String {
    format!(
        r#"
[simulation]
region = "us-east-1"
duration = "1000s"
sample_interval = "10s"

{LATENCY}
ec2_pull_mib_per_s = 60
ec2_disk_mib_per_s = "off"
fargate_eni = "5s"
fargate_prepare = "10s"
fargate_pull_mib_per_s = 60
fargate_start = "15s"
fargate_eni_detach = "1s"
{agent}

{BOXES}

[service_scheduler]
reaction = "1s"

[[capacity_provider]]
name = "boxes"
instance_types = ["box.large"]
desired_capacity = 2

[[task_definition]]
family = "web"
cpu = 1024
memory = 2048
network_mode = "bridge"
image_mib = 600
{more}
"#
    )
}

/// Tasks of RunTask, one after `every` seconds and so on.
fn jobs(every: u32, count: u32, seconds: u32) -> String {
    format!(
        "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\n[run_task.generate]\nper_second = {}\n\
         process = \"even\"\nlimit = {count}\nduration = \"{seconds}s\"\n",
        1.0 / f64::from(every)
    )
}

/// A task at 1 s.
fn job() -> String {
    jobs(1, 1, 100)
}

fn registry(at: &str, lasts: &str, more: &str) -> String {
    format!(
        "[[failure]]\nkind = \"registry_outage\"\nat = \"{at}s\"\nduration = \"{lasts}s\"\n{more}\n"
    )
}

fn metrics(at: &str, lasts: &str, more: &str) -> String {
    registry(at, lasts, more).replace("registry_", "metrics_")
}

fn only(incidents: &[Incident]) -> &Incident {
    let [one] = incidents else { panic!("{incidents:?}") };
    one
}

fn micros(second: f64) -> SimTime {
    SimTime((second * 1e6).round() as u64)
}

/// When the first task's pull and start came to their end, and when it stopped.
fn first(ran: &Moved) -> [&str; 3] {
    ["pull_stopped_s", "started_s", "stopped_s"].map(|column| ran.tasks[0][column].as_str())
}

#[test]
fn a_slow_registry_slows_what_is_under_way_while_it_is_slow() {
    assert_eq!(first(&run(&scenario("", &job())))[..2], ["11", "13"]);
    // Five of ten seconds are done at 6 s; the others take 25 s.
    let ran = run(&scenario("", &(job() + &registry("6", "100", "slowdown = 5"))));
    assert_eq!(first(&ran)[..2], ["31", "33"]);
    // From 6 s to 16 s two seconds' worth comes, and the last three as usual.
    let ran = run(&scenario("", &(job() + &registry("6", "10", "slowdown = 5"))));
    assert_eq!(first(&ran)[..2], ["19", "21"]);
    let incident = only(&ran.result.incidents);
    assert_eq!((incident.kind, incident.what.as_str()), ("registry_outage", "all registries"));
    assert_eq!((incident.start, incident.over), (micros(6.0), micros(16.0)));
    assert_eq!(incident.recovered, micros(16.0), "no service waits for anything");
    assert_eq!((incident.tasks_lost, incident.services, incident.instances), (0, 0, 0));
}

#[test]
fn an_agent_tries_five_times_and_then_the_task_fails() {
    let ran = run(&scenario("", &(job() + &registry("0", "60", ""))));
    // At 1, 2.1, 4.3, 8.7 and 13.7 s.
    assert_eq!(first(&ran), ["", "", "13.7"]);
    assert_eq!(ran.tasks[0]["pull_started_s"], "1");
    assert_eq!(ran.tasks[0]["stop_code"], "TaskFailedToStart");
    let reason = "CannotPullContainerError: pull image manifest has been retried 5 time(s)";
    assert_eq!(ran.tasks[0]["stopped_reason"], reason);
    assert_eq!((ran.number("tasks_failed"), ran.number("tasks_completed")), (1.0, 0.0));
    assert_eq!(only(&ran.result.incidents).tasks_lost, 1);
    assert_eq!(ran.number("incident_tasks_lost"), 1.0);
    // The last try is just in time.
    let ran = run(&scenario("", &(job() + &registry("0", "13.7", ""))));
    assert_eq!(first(&ran)[..2], ["23.7", "25.7"]);
    assert_eq!(only(&ran.result.incidents).tasks_lost, 0);
}

#[test]
fn a_pull_that_is_broken_off_begins_anew() {
    // Broken off at 6 s, tried at 7.1 s and 9.3 s.
    let ran = run(&scenario("", &(job() + &registry("6", "3", ""))));
    assert_eq!(first(&ran)[..2], ["19.3", "21.3"]);
}

/// When the second task on the box runs and stops, which comes at 100 s and finds its image there.
fn second_on_the_box(behavior: &str) -> [String; 2] {
    let agent = format!("image_pull_behavior = \"{behavior}\"");
    let more = jobs(100, 2, 300) + &registry("150", "300", "");
    let text = scenario(&agent, &more).replace("desired_capacity = 2", "desired_capacity = 1");
    let ran = run(&text);
    assert_eq!(ran.tasks[0]["started_s"], "112");
    ["started_s", "stopped_s"].map(|column| ran.tasks[1][column].clone())
}

#[test]
fn an_image_that_is_there_is_used_as_the_agent_was_told() {
    // At 200 s the registry is down. By default the agent asks it all the same, five times.
    assert_eq!(second_on_the_box("default"), ["214.7", "514.7"]);
    assert_eq!(second_on_the_box("always"), ["", "212.7"]);
    assert_eq!(second_on_the_box("once"), ["202", "502"]);
    assert_eq!(second_on_the_box("prefer-cached"), ["202", "502"]);
}

#[test]
fn who_waits_for_a_pull_that_fails_has_no_image_either() {
    // The second one comes at 10 s to an image that will never be there: it pulls by itself.
    let more = jobs(5, 2, 300) + &registry("0", "24", "");
    let text = scenario("", &more).replace("desired_capacity = 2", "desired_capacity = 1");
    let ran = run(&text);
    assert_eq!(first(&ran), ["", "", "17.7"]);
    // At 10, 11.1, 13.3, 17.7 and 22.7 s.
    assert_eq!(ran.tasks[1]["stopped_s"], "22.7");
    // One that comes while the image is on its way waits for it, if the registry answers until then.
    let more = jobs(5, 2, 300) + &registry("9", "3", "");
    let text = scenario("", &more).replace("desired_capacity = 2", "desired_capacity = 1");
    let ran = run(&text);
    // The first is broken off at 9 s, tried at 10.1 and 12.3 s. The second asks at 10, 11.1 and 13.3 s.
    assert_eq!(ran.of_tasks("pull_stopped_s"), ["22.3", "22.3"]);
}

#[test]
fn an_image_that_was_removed_has_to_be_pulled_again_unless_none_is_removed() {
    let at = |behavior: &str, cleanup: &str| {
        let agent = format!("image_pull_behavior = \"{behavior}\"\n{cleanup}");
        let more = jobs(300, 2, 10);
        let text = scenario(&agent, &more).replace("desired_capacity = 2", "desired_capacity = 1");
        run(&text).tasks[1]["started_s"].clone()
    };
    // The first is gone at 323 s; the agent looks every 100 s.
    let soon = "image_minimum_cleanup_age = \"1s\"\ntask_cleanup_wait = \"1s\"\n";
    assert_eq!(at("once", &format!("{soon}image_cleanup_interval = \"100s\"\n")), "612");
    assert_eq!(at("once", soon), "602", "every 30 minutes");
    assert_eq!(at("prefer-cached", soon), "602");
}

/// The pull and the start of the second task, which comes at 600 s to a box that was dead from `at` to 400 s.
fn after_reboot(at: u32) -> [String; 3] {
    let soon = "image_pull_behavior = \"once\"\nimage_minimum_cleanup_age = \"1s\"\n\
                task_cleanup_wait = \"1s\"\nimage_cleanup_interval = \"150s\"";
    let dies = format!(
        "[[failure]]\nkind = \"instance\"\ninstance = \"boxes-0\"\nat = \"{at}s\"\n\
         reaction = \"none\"\nrepair = \"{}s\"\n",
        400 - at
    );
    let text = scenario(soon, &(jobs(300, 2, 200) + &dies));
    let ran = run(&text.replace("desired_capacity = 2", "desired_capacity = 1"));
    let row = |index: usize, column: &str| ran.tasks[index][column].clone();
    [row(0, "pull_stopped_s"), row(1, "pull_stopped_s"), row(1, "started_s")]
}

#[test]
fn a_host_that_boots_anew_gives_its_images_up_like_others() {
    // Lost at 400 s, the first task uses its image no more: removed at 450 s, and pulled again.
    assert_eq!(after_reboot(330), ["310", "610", "612"]);
}

#[test]
fn a_pull_under_way_when_its_host_dies_is_lost() {
    // Half of it has come at 305 s. Were it there at 310 s, then as that of another task, until the next clean-up.
    assert_eq!(after_reboot(305), ["", "610", "612"]);
}

/// Tasks on Fargate at 1 s.
fn on_fargate(more: &str) -> Moved {
    let text = scenario("", &(job() + more)).replace("\"bridge\"", "\"awsvpc\"");
    let text = text.replace("name = \"jobs\"\n", "name = \"jobs\"\nlaunch_type = \"FARGATE\"\n");
    run(&text)
}

#[test]
fn fargate_tries_five_times_too_and_bills_what_it_pulls() {
    assert_eq!(first(&on_fargate(""))[..2], ["26", "41"]);
    // The pull begins at 16 s and is broken off at 20 s; tried at 21.1, 23.3, 27.7 and 32.7 s.
    assert_eq!(first(&on_fargate(&registry("20", "10", "")))[..2], ["42.7", "57.7"]);
    let failed = on_fargate(&registry("20", "100", ""));
    assert_eq!(first(&failed), ["", "", "33.7"], "the last try at 32.7 s, and its interface goes");
    assert!(failed.tasks[0]["stopped_reason"].starts_with("CannotPullContainerError"));
    // At least a minute, from 16 s on: one vCPU and 2 GB, each rounded to a billionth of a dollar.
    assert_eq!(failed.number("fargate_usd"), 0.000_822_834);
}

#[test]
fn only_those_whom_it_concerns_feel_it() {
    let started = |image: &str, more: &str| {
        let text = scenario("", &(job() + &registry("0", "60", more)));
        run(&text.replace("image_mib = 600", &format!("image_mib = 600\nimage = \"{image}\"")))
            .tasks[0]["started_s"]
            .clone()
    };
    let quay = "registry = \"quay.io\"";
    assert_eq!(started("quay.io/team/web:1", quay), "");
    assert_eq!(started("team/web:1", "registry = \"docker.io\""), "");
    assert_eq!(started("web", "capacity_provider = \"boxes\""), "");
    // The first box is in the one zone, the first task goes there.
    let zones = ["a", "b"].map(|zone| format!("availability_zone = \"us-east-1{zone}\""));
    let of_zones = zones.map(|zone| started("web", &zone));
    assert!(of_zones.contains(&"13".into()) && of_zones.contains(&String::new()), "{of_zones:?}");
}

#[test]
fn a_registry_slows_its_own_share_of_a_task_and_nobody_elses() {
    let image = |name: &str, image: &str, mib: u32| {
        format!(
            "[[task_definition.container]]\nname = \"{name}\"\nimage = \"{image}\"\n\
             image_mib = {mib}\n"
        )
    };
    let images = image("app", "quay.io/team/app:1", 480)
        + &image("side", "side:1", 120)
        + &image("there", "ghcr.io/team/there:1", 0);
    let text = |of: &str, more: &str| {
        let outage = registry("0", "60", &format!("registry = \"{of}\"\n{more}"));
        scenario("", &(images.clone() + &job() + &outage)).replace("image_mib = 600", "")
    };
    let pulled = |of: &str, more: &str| run(&text(of, more)).tasks[0]["pull_stopped_s"].clone();
    // From 1 s on 8 s for the one and 2 s for the other: 8 and 5 times 2; 5 times 8, and 2.
    assert_eq!(pulled("docker.io", "slowdown = 5"), "19");
    assert_eq!(pulled("quay.io", "slowdown = 5"), "43");
    // Without the small one it does not start either.
    assert_eq!(pulled("docker.io", ""), "");
    // What is already there is not pulled.
    let told = errors(&text("ghcr.io", "slowdown = 5"));
    assert!(told.contains("no image comes from the registry \"ghcr.io\""), "{told}");
}

/// A service of two tasks that gets a new image at 100 s.
fn updated(more: &str) -> Told {
    tell(&scenario(
        "",
        &format!(
            r#"
[[task_definition]]
family = "new"
cpu = 1024
memory = 2048
network_mode = "bridge"
image_mib = 600

[[service]]
name = "web"
task_definition = "web"
desired_count = 2
deployment_configuration = {{ deployment_circuit_breaker = {{ enable = true, rollback = true }} }}

[service.traffic]
cpu_ms_per_request = 10

[service.traffic.generate]
per_second = 10

[[service.update]]
at = "100s"
task_definition = "new"

{more}
"#
        ),
    ))
}

#[test]
fn a_deployment_in_an_outage_fails_by_its_circuit_breaker_and_is_rolled_back() {
    let told = updated(&registry("50", "500", ""));
    let failed: Vec<&str> = told
        .tasks
        .iter()
        .filter(|task| task["stop_code"] == "TaskFailedToStart")
        .map(|task| task["stopped_s"].as_str())
        .collect();
    // Two at 101 s that have tried for 12.7 s; two more at the next look, a second later. The third failure is one too many.
    assert_eq!(failed, ["113.7", "113.7", "127.4", "127.4"]);
    assert_eq!((told.once(2, "FAILED", ""), told.once(2, "ROLLING_BACK", "")), (127.4, 127.4));
    let reason = "CannotPullContainerError: pull image manifest has been retried 5 time(s)";
    assert!(
        told.tasks
            .iter()
            .filter(|t| !t["stop_code"].is_empty())
            .all(|t| t["stopped_reason"] == reason)
    );
    let incident = only(&told.result.incidents);
    assert_eq!((incident.tasks_lost, incident.services), (4, 1));
    // The two old tasks have run all the time.
    assert_eq!(incident.recovered, micros(550.0));
    assert_eq!(told.result.services[0].requests.dropped(), 0);
}

#[test]
fn what_a_throttled_service_still_lacks_belongs_to_the_outage() {
    // Both tasks crash at 60 s and find their images on their hosts, but are to fail without an answer.
    let crash = "[[failure]]\nat = \"60s\"\nservice = \"web\"\ntasks = 2\n";
    let text = |agent: &str| {
        let outage = registry("50", "100", "");
        scenario(
            agent,
            &format!(
                "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 2\n{crash}{outage}"
            ),
        )
    };
    let started = |told: &Told| -> Vec<String> {
        let late = told.tasks.iter().filter(|task| task["placed_s"].parse::<f64>().unwrap() > 0.0);
        late.map(|task| task["started_s"].clone()).collect()
    };
    // A look at 61 s; 12.7 s of trying, then the image that is there: 2 s more.
    let told = tell(&text(""));
    assert_eq!(started(&told), ["75.7", "75.7"]);
    let incident = only(&told.result.incidents);
    assert_eq!((incident.tasks_lost, incident.services), (0, 1));
    assert_eq!((incident.over, incident.recovered), (micros(150.0), micros(150.0)));
    // Else two fail at 73.7 s, two more, placed at 74.7 s, at 87.4 s. That is the third failure: the throttle holds until
    // 147.4 s, and then the registry is back within 2.6 s: the third try, at 150.7 s, is answered.
    let told = tell(&text("image_pull_behavior = \"always\""));
    let all = started(&told);
    assert_eq!(all[..4], ["", "", "", ""]);
    assert_eq!(all[4..], ["152.7", "152.7"]);
    let incident = only(&told.result.incidents);
    assert_eq!((incident.tasks_lost, incident.services), (4, 1));
    assert_eq!((incident.over, incident.recovered), (micros(150.0), micros(152.7)));
}

#[test]
fn no_points_no_instances_until_the_metric_is_back() {
    // As AS-11: a point at 60 s would have launched two instances at 90 s.
    let text = |more: &str| {
        let boxes = "max_size = 10\n[capacity_provider.managed_scaling]\n";
        let job = job().replace(
            "task_definition",
            "capacity_provider_strategy = [{ capacity_provider = \"boxes\", weight = 1 }]\n\
             task_definition",
        );
        scenario("", &(job + more)).replace("desired_capacity = 2\n", boxes)
    };
    let launched = |more: &str| -> Vec<f64> {
        run(&text(more)).event("launch").iter().map(|(at, _)| *at).collect()
    };
    assert_eq!(launched(""), [90.0, 90.0]);
    // The point of the minute that ends at 300 s is there again.
    assert_eq!(launched(&metrics("10", "290", "")), [330.0, 330.0]);
    assert_eq!(launched(&metrics("10", "291", "")), [390.0, 390.0]);
    assert_eq!(launched(&metrics("10", "290", "capacity_provider = \"boxes\"")), [330.0, 330.0]);
    let ran = run(&text(&metrics("10", "290", "")));
    assert!(ran.reservation.iter().all(|row| row["time_s"].parse::<f64>().unwrap() >= 300.0));
    let incident = only(&ran.result.incidents);
    assert_eq!((incident.kind, incident.what.as_str()), ("metrics_outage", "all metrics"));
    assert_eq!((incident.over, incident.recovered), (micros(300.0), micros(300.0)));
}

/// When a service of two tasks, at so many requests a second of 10 ms each, is scaled by a policy, and to how many.
fn scaled(per_second: u32, scaling: &str, more: &str) -> Vec<(f64, u32)> {
    let told = tell(&scenario(
        "",
        &format!(
            r#"
[[service]]
name = "web"
task_definition = "web"
desired_count = 2

[service.traffic]
cpu_ms_per_request = 10

[service.traffic.generate]
per_second = {per_second}

[service.scaling]
min_capacity = 1
max_capacity = 4
{scaling}

{more}
"#
        ),
    ));
    told.scaled().into_iter().map(|(at, _, to)| (at, to)).collect()
}

#[test]
fn target_tracking_waits_for_points_or_fires_on_the_old_one_as_the_table_says() {
    let tracking = "[[service.scaling.target_tracking]]\nmetric = \"cpu\"\ntarget_value = 60\n";
    let at_90_percent = |more: &str| scaled(180, tracking, more);
    // Three points, each visible two minutes after its minute.
    assert_eq!(at_90_percent(""), [(300.0, 3)]);
    // The first points are those of 300, 360 and 420 s.
    assert_eq!(at_90_percent(&metrics("10", "290", "")), [(540.0, 3)]);
    assert_eq!(at_90_percent(&metrics("10", "290", "service = \"web\"")), [(540.0, 3)]);
    // One breaching point of 60 s and nothing after it: the row "- - X - -" of CloudWatch's table, which fires.
    assert_eq!(at_90_percent(&metrics("100", "200", "")), [(300.0, 3)]);
}

#[test]
fn missing_data_are_treated_as_the_alarm_says() {
    let step = |treat: &str, more: &str| {
        let scaling = format!(
            "step_scaling = [{{ metric = \"cpu\", alarm = {{ threshold = 80, evaluation_periods = 2, \
             datapoints_to_alarm = 1, treat_missing_data = \"{treat}\" }}, \
             step_adjustments = [{{ metric_interval_upper_bound = 0, scaling_adjustment = 1 }}] }}]"
        );
        scaled(20, &scaling, more)
    };
    // At 10 % the alarm fires for want of points only: at the beginning, when the first is alone.
    assert_eq!(step("breaching", ""), [(180.0, 3)]);
    // Two points are looked for among four. When that of 360 s should be seen, at 480 s, only that of 180 s is left.
    let outage = metrics("200", "300", "");
    assert_eq!(step("breaching", &outage), [(180.0, 3), (480.0, 4)]);
    for treat in ["missing", "ignore", "notBreaching"] {
        assert_eq!(step(treat, &outage), [], "{treat}");
    }
}

fn wrong(more: &str) -> String {
    errors(&scenario("", &(job() + more)))
}

#[test]
fn what_an_outage_cannot_mean_is_said() {
    let says = |text: String, parts: &[&str]| {
        for part in parts {
            assert!(text.contains(part), "{part}\n{text}");
        }
    };
    let short = "`slowdown` must be between 1 and 10000, is 0.5";
    says(wrong(&registry("1", "2", "slowdown = 0.5")), &["test.toml:70:12", short]);
    let more = "service = \"web\"\nrepair = \"1s\"\nregistry = \"quay.io\"";
    says(
        wrong(&registry("1", "2", more)),
        &[
            "test.toml:70:1: `service` says nothing of a \"registry_outage\"",
            "test.toml:71:1: `repair` says nothing of a \"registry_outage\"",
            "test.toml:72:12: no image comes from the registry \"quay.io\"",
            "help: valid: \"docker.io\"",
        ],
    );
    let without = |key: &str| {
        let text = registry("1", "2", "");
        let line = text.lines().find(|line| line.starts_with(key)).unwrap().to_string();
        wrong(&text.replace(&line, ""))
    };
    says(without("duration"), &["test.toml:66:1: a \"registry_outage\" needs `duration`"]);
    says(without("at"), &["test.toml:66:1: a \"registry_outage\" needs `at`"]);
    let more = "capacity_provider = \"boxs\"\navailability_zone = \"us-east-1z\"";
    says(
        wrong(&registry("1", "2", more)),
        &[
            "test.toml:70:21: unknown capacity provider \"boxs\"",
            "test.toml:71:21: unknown availability zone \"us-east-1z\"",
        ],
    );
    // Scheduled actions look at no metric.
    let scheduled = format!(
        "{}[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 1\n\
         [service.scaling]\nmin_capacity = 1\nmax_capacity = 4\n\
         scheduled = [{{ schedule = \"at(2026-01-05T09:00:00)\", min_capacity = 2 }}]\n",
        metrics("1", "2", "service = \"web\"")
    );
    says(wrong(&scheduled), &["service \"web\" has no scaling policies and no alarms"]);
    let nobody = "test.toml:67:8: no alarm and no scaling policy looks at any metric";
    says(wrong(&metrics("1", "2", "")), &[nobody]);
    says(
        wrong(&metrics("1", "2", "capacity_provider = \"boxes\"\n")),
        &["test.toml:70:21: nobody scales \"boxes\" by metrics"],
    );
    says(
        wrong(&metrics("1", "2", "slowdown = 2\nservice = \"web\"\n")),
        &[
            "test.toml:70:1: `slowdown` says nothing of a \"metrics_outage\"",
            "test.toml:71:11: unknown service \"web\"",
        ],
    );
    let both = "capacity_provider = \"boxes\"\nservice = \"web\"\n";
    says(wrong(&metrics("1", "2", both)), &["`service` and `capacity_provider` are two outages"]);
    let service = "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 1\n";
    let of_it = metrics("1", "2", "service = \"web\"");
    says(wrong(&(service.to_string() + &of_it)), &["service \"web\" has no scaling policies"]);
    says(
        wrong("[[failure]]\nat = \"1s\"\nkind = \"impaired\"\nslowdown = 3\n"),
        &["test.toml:69:1: `slowdown` is about registries; the kind is \"impaired\""],
    );
    let kept = "image_pull_behavior = \"prefer-cached\"\nimage_cleanup_interval = \"1h\"";
    says(
        errors(&scenario(kept, "")),
        &[
            "test.toml:24:1: with \"prefer-cached\" no image is removed: `image_cleanup_interval` says nothing",
        ],
    );
    says(
        errors(&scenario("", &registry("1", "2", "")).replace("image_mib = 600", "")),
        &[
            "test.toml:59:8: no task definition pulls an image",
            "give the sizes of images as `image_mib`",
        ],
    );
}
