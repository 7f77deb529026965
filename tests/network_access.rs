//! Tasks that cannot reach what they need to start, or may not have it: scenarios as text, run under all checks. On Fargate
//! an interface takes 5 s to create and 1 s to delete, the preparation 10 s, the start 15 s; what cannot be reached is asked
//! for 180 s long, what is denied 10 s. A task on an instance is RUNNING 2 s after it was placed.

use crate::support::fleet::{BOXES, FARGATE, HEAD, LATENCY, Moved, WEB, errors, run};
use crate::support::services::tell;

/// A task definition for Fargate.
fn web(more: &str) -> String {
    format!(
        "[[task_definition]]\nfamily = \"web\"\ncpu = 1024\nmemory = 2048\nnetwork_mode = \"awsvpc\"\n{more}\n"
    )
}

fn subnet(route: &str) -> String {
    format!(
        "[[network.subnets]]\nid = \"subnet-a\"\navailability_zone = \"us-east-1a\"\n\
         cidr = \"10.0.0.0/24\"\nroute = \"{route}\"\n"
    )
}

/// A RunTask call at 1 s.
fn job(more: &str) -> String {
    format!(
        "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\n{more}\n[run_task.generate]\n\
         per_second = 1\nprocess = \"even\"\nlimit = 1\nduration = \"300s\"\n"
    )
}

fn on_fargate(definition: &str, route: &str, more: &str) -> Moved {
    run(&format!("{HEAD}{FARGATE}{}{}{}", web(definition), subnet(route), job(more)))
}

/// When the task was RUNNING, and when and why it stopped.
fn end(ran: &Moved) -> [&str; 4] {
    ["started_s", "stopped_s", "stop_code", "stopped_reason"].map(|column| ran.of_tasks(column)[0])
}

const ECR: &str = "registry = \"ecr\"";
const HUB: &str = "registry = \"public\"";
const NO_AUTH: &str = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                       failed: unable to retrieve ecr registry auth: service call has been retried 3 time(s): \
                       RequestError: send request failed: i/o timeout. Please check your task network configuration.";

#[test]
fn a_subnet_that_leads_nowhere_ends_in_a_resource_initialization_error() {
    let ran = on_fargate(ECR, "none", "");
    // PENDING at 6 s, prepared at 16 s, given up at 196 s, the interface gone at 197 s: nothing was pulled or billed.
    assert_eq!(end(&ran), ["", "197", "TaskFailedToStart", NO_AUTH]);
    let number = |name| ran.result.summary.get(name).unwrap().as_f64();
    assert_eq!(
        (number("tasks_without_access"), number("tasks_without_address")),
        (Some(1.0), Some(0.0))
    );
    assert_eq!(ran.of_tasks("pull_started_s"), [""]);
    assert_eq!(ran.of_tasks("usd"), ["0"]);
}

#[test]
fn endpoints_lead_to_ecr_and_not_to_a_public_registry() {
    assert_eq!(end(&on_fargate(ECR, "endpoints", ""))[..2], ["31", "332"]);
    let ran = on_fargate(HUB, "endpoints", "");
    // The pull begins at 16 s, and with it the bill.
    assert_eq!(end(&ran)[..3], ["", "197", "TaskFailedToStart"]);
    assert!(
        end(&ran)[3].starts_with("CannotPullContainerError: pull image manifest"),
        "{:?}",
        end(&ran)
    );
    assert_eq!([ran.of_tasks("pull_started_s")[0], ran.of_tasks("pull_stopped_s")[0]], ["16", ""]);
    assert_ne!(ran.of_tasks("usd"), ["0"]);
}

#[test]
fn a_public_subnet_needs_a_public_address_and_a_nat_gateway_does_not() {
    assert_eq!(end(&on_fargate(ECR, "internet_gateway", ""))[3], NO_AUTH);
    assert_eq!(end(&on_fargate(HUB, "internet_gateway", "assign_public_ip = true"))[0], "31");
    assert_eq!(end(&on_fargate(HUB, "nat", ""))[0], "31");
}

#[test]
fn a_role_that_may_not_ends_the_start_sooner_than_a_missing_way() {
    let denied =
        |more: &str| on_fargate(&format!("execution_role = \"denied\"\n{more}"), "nat", "");
    let ran = denied(ECR);
    assert_eq!(end(&ran)[..2], ["", "27"], "prepared at 16 s, denied at 26 s");
    assert!(
        end(&ran)[3].ends_with("service call has been retried 1 time(s): AccessDeniedException")
    );
    assert!(end(&denied("secrets = true"))[3].contains("unable to retrieve secret from asm"));
    let ran = denied(&format!("{HUB}\nlog_driver = \"awslogs\""));
    assert_eq!(end(&ran)[..2], ["", "27"], "pulled at 16 s, and no stream of logs at 26 s");
    assert!(
        end(&ran)[3].starts_with("ResourceInitializationError: failed to validate logger args")
    );
    assert_eq!(end(&denied(HUB))[0], "31", "a role that nobody asks");
    let waits =
        subnet("none").replace("[[network", "[network]\nunreachable_after = \"40s\"\n[[network");
    let ran = run(&format!("{HEAD}{FARGATE}{}{waits}{}", web(ECR), job("")));
    assert_eq!(end(&ran)[1], "57", "the time-out is a key");
}

/// A box of a fixed fleet, and a task on it.
fn on_a_box(definition: &str, network: &str) -> Moved {
    let web = WEB.replace("1024\nnetwork", &format!("1024\n{definition}\nnetwork"));
    run(&format!(
        "{HEAD}{LATENCY}{}{web}[[capacity_provider]]\nname = \"boxes\"\ninstance_types = [\"box.large\"]\n\
         desired_capacity = 1\n{network}{}",
        BOXES.replace(", \"us-east-1b\"", ""),
        job("")
    ))
}

#[test]
fn on_ec2_only_secrets_need_the_execution_role_and_the_instance_s_subnet_counts() {
    let denied = "execution_role = \"denied\"\nlog_driver = \"awslogs\"";
    assert_eq!(end(&on_a_box(denied, ""))[0], "3", "the instance's role serves");
    let ran = on_a_box(&format!("{denied}\nsecrets = true"), "");
    let why = "Fetching secret data from AWS Secrets Manager: AccessDeniedException";
    assert_eq!(end(&ran), ["", "11", "TaskFailedToStart", why], "without [network], too");
    assert_eq!(end(&on_a_box(ECR, &subnet("endpoints")))[0], "3");
    let ran = on_a_box(HUB, &subnet("endpoints"));
    assert_eq!(end(&ran)[..2], ["", "181"]);
    assert!(end(&ran)[3].starts_with("CannotPullContainerError: Error response from daemon"));
    assert_eq!(end(&on_a_box(HUB, &subnet("internet_gateway")))[0], "3");
}

#[test]
fn a_private_image_does_not_hide_a_public_one() {
    let image = |name: &str, image: &str| {
        format!("[[task_definition.container]]\nname = \"{name}\"\nimage = \"{image}\"\n")
    };
    let both = image("app", "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1")
        + &image("agent", "datadog/agent:7");
    assert_eq!(end(&on_fargate(&both, "nat", ""))[0], "31");
    let ran = on_fargate(&both, "endpoints", "");
    assert_eq!(end(&ran)[..3], ["", "197", "TaskFailedToStart"]);
    assert!(end(&ran)[3].starts_with("CannotPullContainerError"), "{:?}", end(&ran));
    // Nor the public one that the private one needs a token.
    assert_eq!(end(&on_fargate(&both, "none", ""))[3], NO_AUTH);
}

#[test]
fn an_image_that_the_host_has_needs_no_way_to_its_registry() {
    // Two definitions share an image; only the first one gets it from where it can be reached: 10 s for 100 MiB.
    let of = |family: &str, registry: &str| {
        let keys = format!("image_mib = 100\nimage = \"shared\"\nregistry = \"{registry}\"");
        WEB.replace("1024\nnetwork", &format!("1024\n{keys}\nnetwork"))
            .replace("\"web\"", &format!("\"{family}\""))
    };
    let with = |more: &str| {
        let keys =
            format!("[latency]\nec2_pull_mib_per_s = 10\nec2_disk_mib_per_s = 100000\n{more}");
        let late = job("").replace("\"jobs\"", "\"late\"").replace("\"web\"", "\"late\"");
        let text = format!(
            "{HEAD}{}{}{}{}[[capacity_provider]]\nname = \"boxes\"\ninstance_types = [\"box.large\"]\n\
             desired_capacity = 1\n{}{}{}",
            LATENCY.replace("[latency]", &keys),
            BOXES.replace(", \"us-east-1b\"", ""),
            of("web", "ecr"),
            of("late", "public"),
            subnet("endpoints"),
            job(""),
            late.replace("per_second = 1", "per_second = 0.05")
        );
        let ran = run(&text);
        assert_eq!(ran.of_tasks("started_s")[0], "13");
        [ran.of_tasks("started_s")[1].to_string(), ran.of_tasks("stop_code")[1].to_string()]
    };
    // Asked for at 20 s, for 180 s in vain; then the host's copy serves.
    assert_eq!(with("")[0], "202");
    assert_eq!(with("image_pull_behavior = \"once\"")[0], "22", "nobody is asked");
    assert_eq!(with("image_pull_behavior = \"always\""), ["", "TaskFailedToStart"]);
}

#[test]
fn a_layer_that_was_never_pulled_is_not_left_to_others() {
    // Two definitions share an image. The one that is denied its secrets pulls nothing, and gives nothing up.
    let image = "image_mib = 100\nimage = \"shared\"";
    let good = WEB.replace("1024\nnetwork", &format!("1024\n{image}\nnetwork"));
    let bad = good
        .replace("\"web\"", "\"bad\"")
        .replace("network_mode", "execution_role = \"denied\"\nsecrets = true\nnetwork_mode");
    let latency = LATENCY
        .replace("[latency]", "[latency]\nec2_pull_mib_per_s = 10\nec2_disk_mib_per_s = 100000");
    let text = format!(
        "{HEAD}{latency}{}{good}{bad}[[capacity_provider]]\nname = \"boxes\"\n\
         instance_types = [\"box.large\"]\ndesired_capacity = 1\n{}{}",
        BOXES.replace(", \"us-east-1b\"", ""),
        job("").replace("\"jobs\"", "\"bad\"").replace("\"web\"", "\"bad\""),
        job("")
    );
    let ran = run(&text);
    assert_eq!(ran.of_tasks("started_s"), ["", "13"], "10 s for 100 MiB, 2 s for the start");
    assert_eq!(ran.of_tasks("pull_stopped_s"), ["", "11"]);
}

#[test]
fn a_service_whose_new_revision_cannot_be_pulled_rolls_back() {
    let text = format!(
        "{HEAD}{FARGATE}{}{}{}\
         [[service]]\nname = \"web\"\ntask_definition = \"web:1\"\ndesired_count = 2\n\
         deployment_configuration = {{ deployment_circuit_breaker = {{ enable = true, rollback = true }} }}\n\
         [[service.update]]\nat = \"10s\"\ntask_definition = \"web:2\"\n",
        web(ECR),
        web(&format!("revision = 2\n{HUB}")),
        subnet("endpoints")
    )
    .replace("duration = \"1000s\"", "duration = \"3000s\"");
    let told = tell(&text);
    let failed: Vec<_> =
        told.tasks.iter().filter(|row| row["stop_code"] == "TaskFailedToStart").collect();
    assert!(failed.len() >= 3, "{}", failed.len());
    assert!(failed.iter().all(|row| row["task_definition"] == "web:2"));
    assert!(failed.iter().all(|row| row["stopped_reason"].starts_with("CannotPullContainerError")));
    assert!(told.deployments.iter().any(|row| row["event"] == "FAILED"));
    let last = told.deployments.last().unwrap();
    assert_eq!((last["revision"].as_str(), last["rollout_state"].as_str()), ("web:1", "COMPLETED"));
    let running = told.tasks.iter().filter(|row| row["stopped_s"].is_empty()).count();
    assert_eq!(running, 2, "the old tasks run all the time");
}

#[test]
fn what_ecs_refuses_of_roles_is_refused_and_what_stands_nowhere_is_said() {
    let with = |definition: &str| errors(&format!("{HEAD}{FARGATE}{}{}", web(definition), job("")));
    let none = "execution_role = \"none\"";
    for (definition, said) in [
        (format!("{none}\n{ECR}"), "to have execution role ARN to support ECR images"),
        (none.to_string(), "or registry = \"public\""),
        (
            format!("{none}\n{HUB}\nlog_driver = \"awslogs\""),
            "to have execution role ARN to support log driver awslogs",
        ),
        (format!("{none}\n{HUB}\nsecrets = true"), "refuses secrets without an execution role"),
        ("execution_role = \"maybe\"".into(), "\"maybe\""),
        ("registry = \"hub\"".into(), "\"hub\""),
        ("log_driver = \"fluentd\"".into(), "\"fluentd\""),
    ] {
        let told = with(&definition);
        assert!(told.contains(said), "{said}\n{told}");
        assert!(told.contains("test.toml:"), "{told}");
    }
    let dead_end = "[[capacity_provider]]\nname = \"boxes\"\ninstance_types = [\"m7g.large\"]\ndesired_capacity = 1\n";
    let told = errors(&format!("{HEAD}{WEB}{dead_end}{}{}", subnet("none"), job("")));
    assert!(told.contains("instances in the subnet \"subnet-a\" can never register"), "{told}");
}

#[test]
fn a_file_tells_of_its_role_its_registry_its_logs_and_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = |role: &str| {
        let text = format!(
            r#"{{"family": "web", "cpu": "1024", "memory": "2048", "networkMode": "awsvpc", {role}
                "containerDefinitions": [{{"name": "app",
                "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1",
                "logConfiguration": {{"logDriver": "awslogs"}},
                "secrets": [{{"name": "KEY", "valueFrom": "arn:aws:ssm:x"}}]}}]}}"#
        );
        std::fs::write(folder.path().join("web.json"), text).unwrap();
        let network = subnet("nat");
        let text = format!(
            "{HEAD}{FARGATE}[[task_definition]]\nfile = \"web.json\"\n{network}{}",
            job("")
        );
        ecsim::scenario::load_text(&text, "test.toml", folder.path(), &[])
    };
    let told = file("").expect_err("it has no role").to_string();
    for said in ["ECR images", "log driver awslogs", "refuses secrets", "web.json:"] {
        assert!(told.contains(said), "{said}\n{told}");
    }
    let scenario = file(r#""executionRoleArn": "arn:aws:iam::123456789012:role/x","#).unwrap();
    let needs = scenario.setup.definitions.iter().next().unwrap().needs;
    assert!(needs.private_image && needs.awslogs && needs.secrets);
    assert_eq!(needs.role, ecsim::model::access::Role::Allowed);
}
