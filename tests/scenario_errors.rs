//! Bad scenarios: the exact text that a person sees, one rule per test. Files of a test lie in a folder of its own.

use ecsim::scenario::load;

/// The errors of a scenario called `web.toml`, beside which `files` lie.
fn refused(toml: &str, files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.toml");
    std::fs::write(&path, toml).unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let problems = load(&path, &[]).expect_err("the scenario is wrong");
    assert_eq!(problems.located().count(), problems.len());
    problems.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    let toml = r#"[simulation]
sede = 3
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:1: unknown key "sede" in `simulation`
      |
    2 | sede = 3
      | ^^^^
      |
      = help: did you mean "seed"? valid: "name", "region", "duration", "seed", "start", "sample_interval", "max_requests_alive", "tie_break"
    "##);
}

#[test]
fn an_unknown_table_names_the_nearest_one() {
    let toml = r#"[simulaton]
seed = 3
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:1:2: unknown key "simulaton"
      |
    1 | [simulaton]
      |  ^^^^^^^^^
      |
      = help: did you mean "simulation"? valid: "simulation", "outputs", "cluster", "network", "instance_type", "capacity_provider", "task_definition", "run_task", "service", "failure", "failure_trace", "zonal_shift", "service_scheduler", "cloudwatch", "latency", "limits", "fargate", "prices", "reserved_instances", "savings_plan", "capacity_reservation", "bill", "invoice", "expect"
    "##);
}

#[test]
fn keys_of_later_versions_say_what_to_do_instead() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
distribution_segments = 1
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:5:1: unknown key "distribution_segments" in `capacity_provider`
      |
    5 | distribution_segments = 1
      | ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: it is a key of a capacity provider's `mixed_instances`
    "##);
}

#[test]
fn a_toml_syntax_error_is_reported_with_its_place() {
    let toml = r#"[simulation
seed = 3
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:1:12: TOML: unclosed table, expected `]`
      |
    1 | [simulation
      |            ^
    "##);
}

#[test]
fn a_duplicate_key_is_an_error() {
    let toml = r#"[simulation]
seed = 3
seed = 4
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:3:1: TOML: duplicate key
      |
    3 | seed = 4
      | ^^^^
    "##);
}

#[test]
fn a_duration_without_a_unit_is_refused() {
    let toml = r#"[simulation]
duration = 90
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:12: `duration` needs a unit
      |
    2 | duration = 90
      |            ^^
      |
      = help: write "90s", or `duration_s = 90`
    "##);
}

#[test]
fn a_duration_with_an_unknown_unit_is_refused() {
    let toml = r#"[simulation]
duration = "90 minutes"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:12: `duration` is no duration: `90` has no unit; write for example `90s`
      |
    2 | duration = "90 minutes"
      |            ^^^^^^^^^^^^
    "##);
}

#[test]
fn a_duration_is_not_given_twice() {
    let toml = r#"[simulation]
duration = "90s"
duration_s = 90
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:3:1: `duration` is given twice, with and without `_s`; the first is at web.toml:2:1
      |
    3 | duration_s = 90
      | ^^^^^^^^^^
    "##);
}

#[test]
fn nan_is_refused() {
    let toml = r#"[simulation]
duration_s = nan
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:14: `duration_s` must be between 1s and 36600d, is nan
      |
    2 | duration_s = nan
      |              ^^^
    "##);
}

#[test]
fn infinity_is_refused() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = inf
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:4:20: `desired_capacity` must be between 0 and 1,000,000, is inf
      |
    4 | desired_capacity = inf
      |                    ^^^
    "##);
}

#[test]
fn a_negative_number_is_refused() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = -3
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:4:20: `desired_capacity` must be between 0 and 1,000,000, is -3
      |
    4 | desired_capacity = -3
      |                    ^^
    "##);
}

#[test]
fn an_absurd_number_is_refused() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 1_000_000_000_000
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:4:20: `desired_capacity` must be between 0 and 1,000,000, is 1,000,000,000,000
      |
    4 | desired_capacity = 1_000_000_000_000
      |                    ^^^^^^^^^^^^^^^^^
    "##);
}

#[test]
fn a_fraction_is_no_count() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 2.5
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:4:20: `desired_capacity` must be a whole number, is 2.5
      |
    4 | desired_capacity = 2.5
      |                    ^^^
    "##);
}

#[test]
fn a_number_is_no_text() {
    let toml = r#"[simulation]
name = 7
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:8: `name` must be text, not a number
      |
    2 | name = 7
      |        ^
    "##);
}

#[test]
fn text_is_no_number() {
    let toml = r#"[simulation]
seed = "7"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:8: `seed` must be a whole number from 0 to 9,223,372,036,854,775,807, not text
      |
    2 | seed = "7"
      |        ^^^
    "##);
}

#[test]
fn an_absurd_distribution_is_refused() {
    let toml = r#"[latency]
ec2_start = { type = "lognormal", mean_s = inf, sigma = 1 }
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:44: `mean_s` must be between 0s and 36600d, is inf
      |
    2 | ec2_start = { type = "lognormal", mean_s = inf, sigma = 1 }
      |                                            ^^^
    "##);
}

#[test]
fn a_distribution_needs_its_own_parameters() {
    let toml = r#"[latency]
ec2_start = { type = "lognormal", mean = "3s", sd = "1s" }
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:13: `ec2_start`: "lognormal" needs "sigma"
      |
    2 | ec2_start = { type = "lognormal", mean = "3s", sd = "1s" }
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: web.toml:2:48: "sd" does not belong to "lognormal"
      |
    2 | ec2_start = { type = "lognormal", mean = "3s", sd = "1s" }
      |                                                ^^
      |
      = help: "lognormal" takes "mean", "sigma"
    "##);
}

#[test]
fn an_unknown_distribution_is_refused() {
    let toml = r#"[latency]
ec2_start = { type = "gauss" }
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:22: unknown `type` "gauss"
      |
    2 | ec2_start = { type = "gauss" }
      |                      ^^^^^^^
      |
      = help: valid: "constant", "uniform", "exponential", "normal", "lognormal", "pareto", "weibull", "empirical"
    "##);
}

#[test]
fn an_unknown_region_names_the_nearest_one() {
    let toml = r#"[simulation]
region = "us-est-1"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:10: unknown region "us-est-1"
      |
    2 | region = "us-est-1"
      |          ^^^^^^^^^^
      |
      = help: did you mean "us-east-1"? valid: "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2"
    "##);
}

#[test]
fn an_unknown_instance_type_names_the_nearest_one() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.lage"]
desired_capacity = 3
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:3:19: unknown instance type "m5.lage"
      |
    3 | instance_types = ["m5.lage"]
      |                   ^^^^^^^^^
      |
      = help: did you mean "m5.large" or "c5.large" or "m1.large"?
    "##);
}

#[test]
fn a_zone_of_another_region_is_refused() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
availability_zones = ["eu-west-1a"]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:5:23: "eu-west-1a" is no Availability Zone of us-east-1
      |
    5 | availability_zones = ["eu-west-1a"]
      |                       ^^^^^^^^^^^^
      |
      = help: valid: "us-east-1a", "us-east-1b", "us-east-1c"
    "##);
}

#[test]
fn a_zone_outside_the_cluster_is_refused() {
    let toml = r#"[cluster]
availability_zones = ["us-east-1a"]

[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
availability_zones = ["us-east-1b"]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:22: "us-east-1b" is not among the `availability_zones` of the cluster "default"
      |
    8 | availability_zones = ["us-east-1b"]
      |                      ^^^^^^^^^^^^^^
    "##);
}

#[test]
fn names_of_built_in_providers_are_refused() {
    let toml = r#"[[capacity_provider]]
name = "FARGATE"
instance_types = ["m5.large"]
desired_capacity = 3
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:8: the name "FARGATE" is refused: names of capacity providers must not begin with aws, ecs or fargate
      |
    2 | name = "FARGATE"
      |        ^^^^^^^^^
      |
      = help: `FARGATE` and `FARGATE_SPOT` are built in: name them in a `capacity_provider_strategy` without declaring them
    "##);
}

#[test]
fn duplicates_name_both_places() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:7:8: duplicate capacity provider "general"; the first is at web.toml:2:8
      |
    7 | name = "general"
      |        ^^^^^^^^^
    "##);
}

#[test]
fn a_provider_needs_instances() {
    let toml = r#"[[capacity_provider]]
name = "general"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:1:1: capacity provider "general" needs `instance_types` or `inventory`
      |
    1 | [[capacity_provider]]
      | ^^^^^^^^^^^^^^^^^^^^^

    error: web.toml:1:1: capacity provider "general" needs `desired_capacity` or `inventory`
      |
    1 | [[capacity_provider]]
      | ^^^^^^^^^^^^^^^^^^^^^
    "##);
}

#[test]
fn an_inventory_excludes_instance_types() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
inventory = "nodes.csv"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:3:1: `instance_types` and `inventory` exclude each other
      |
    3 | instance_types = ["m5.large"]
      | ^^^^^^^^^^^^^^

    error: web.toml:4:1: `desired_capacity` and `inventory` exclude each other
      |
    4 | desired_capacity = 3
      | ^^^^^^^^^^^^^^^^

    error: web.toml:5:13: "nodes.csv" does not exist
      |
    5 | inventory = "nodes.csv"
      |             ^^^^^^^^^^^
      |
      = help: paths are relative to the scenario's folder
    "##);
}

#[test]
fn a_missing_key_says_what_it_is() {
    let toml = r#"[[capacity_provider]]
instance_types = ["m5.large"]
desired_capacity = 3
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:1:1: `name` is missing
      |
    1 | [[capacity_provider]]
      | ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: `name`: name of letters, digits, `-`, `_`. Name; not one that begins with `aws`, `ecs` or `fargate`.
    "##);
}

#[test]
fn spot_keys_need_spot() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
spot_discount_percent = 60
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:5:1: `spot_discount_percent` without `purchase = "spot"` or `mixed_instances`
      |
    5 | spot_discount_percent = 60
      | ^^^^^^^^^^^^^^^^^^^^^
    "##);
}

#[test]
fn an_instance_cannot_register_more_than_it_has() {
    let toml = r#"[[instance_type]]
name = "big"
vcpus = 4
memory = 1024
registered_memory = 2048
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:5:21: `registered_memory` 2048 is above `memory` 1024: an instance cannot register more than it has
      |
    5 | registered_memory = 2048
      |                     ^^^^
    "##);
}

#[test]
fn a_type_without_a_price_needs_one() {
    let toml = r#"[[instance_type]]
name = "big"
vcpus = 4
memory = 1024

[[capacity_provider]]
name = "general"
instance_types = ["big"]
desired_capacity = 3
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:19: no On-Demand price of "big" in us-east-1 is known
      |
    8 | instance_types = ["big"]
      |                   ^^^^^
      |
      = help: set `usd_per_hour` of the capacity provider
    "##);
}

#[test]
fn an_unknown_cluster_names_the_nearest_one() {
    let toml = r#"[cluster]
name = "web"

[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
cluster = "wep"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:11: unknown cluster "wep"
      |
    8 | cluster = "wep"
      |           ^^^^^
      |
      = help: did you mean "web"? valid: "web"
    "##);
}

#[test]
fn task_cpu_has_a_range() {
    let toml = r#"[[task_definition]]
family = "api"
cpu = 64
memory = 512
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:3:7: `cpu` must be between 128 and 196,608 CPU units, is 64
      |
    3 | cpu = 64
      |       ^^
    "##);
}

#[test]
fn memory_with_an_unknown_unit_is_refused() {
    let toml = r#"[[task_definition]]
family = "api"
memory = "4 GBs"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:3:10: `memory` has the unknown unit "GBs"; valid: MiB, GiB, TiB
      |
    3 | memory = "4 GBs"
      |          ^^^^^^^
    "##);
}

#[test]
fn a_definition_needs_memory() {
    let toml = r#"[[task_definition]]
family = "api"
cpu = 256
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:1:1: `memory` is missing
      |
    1 | [[task_definition]]
      | ^^^^^^^^^^^^^^^^^^^
      |
      = help: give the task or each of its containers `memory` in MiB
    "##);
}

#[test]
fn at_least_one_container_is_essential() {
    let toml = r#"[[task_definition]]
family = "api"
memory = 512

[[task_definition.container]]
name = "app"
essential = false
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:5:19: at least one container of a task definition must be essential
      |
    5 | [[task_definition.container]]
      |                   ^^^^^^^^^
    "##);
}

#[test]
fn the_hard_limit_is_not_below_the_reservation() {
    let toml = r#"[[task_definition]]
family = "api"

[[task_definition.container]]
name = "app"
memory = 256
memory_reservation = 257
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:6:10: `memory` 256 MiB must not be below `memory_reservation` 257 MiB
      |
    6 | memory = 256
      |          ^^^
    "##);
}

#[test]
fn a_container_has_at_least_6_mib() {
    let toml = r#"[[task_definition]]
family = "api"

[[task_definition.container]]
name = "app"
memory = 4
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:6:10: `memory` must be between 6 and 67,108,864 MiB, is 4
      |
    6 | memory = 4
      |          ^
    "##);
}

#[test]
fn a_definition_has_at_most_ten_containers() {
    let toml = r#"[[task_definition]]
family = "api"
memory = 512

[[task_definition.container]]
name = "c0"

[[task_definition.container]]
name = "c1"

[[task_definition.container]]
name = "c2"

[[task_definition.container]]
name = "c3"

[[task_definition.container]]
name = "c4"

[[task_definition.container]]
name = "c5"

[[task_definition.container]]
name = "c6"

[[task_definition.container]]
name = "c7"

[[task_definition.container]]
name = "c8"

[[task_definition.container]]
name = "c9"

[[task_definition.container]]
name = "c10"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:35:1: a task definition has at most 10 containers, this one 11
       |
    35 | [[task_definition.container]]
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "##);
}

#[test]
fn awsvpc_ports_match() {
    let toml = r#"[[task_definition]]
family = "api"
memory = 512
network_mode = "awsvpc"

[[task_definition.container]]
name = "app"
port_mappings = [{ container_port = 80, host_port = 8080 }]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:53: in network mode `awsvpc` the host port is the container port 80, not 8080
      |
    8 | port_mappings = [{ container_port = 80, host_port = 8080 }]
      |                                                     ^^^^
    "##);
}

#[test]
fn an_unknown_task_definition_names_the_nearest_one() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[task_definition]]
family = "api"
cpu = 256
memory = 512

[[run_task]]
task_definition = "apo"
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:12:19: unknown task definition "apo"
       |
    12 | task_definition = "apo"
       |                   ^^^^^
       |
       = help: did you mean "api"? valid: "api"
    "##);
}

#[test]
fn an_unknown_strategy_names_the_nearest_one() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
placement_strategy = [{ type = "binpak", field = "memory" }]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:32: unknown `type` "binpak"
      |
    8 | placement_strategy = [{ type = "binpak", field = "memory" }]
      |                                ^^^^^^^^
      |
      = help: did you mean "binpack"? valid: "binpack", "spread", "random", "first_fit", "worst_fit", "best_fit"
    "##);
}

#[test]
fn an_unknown_field_names_the_nearest_one() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
placement_strategy = [{ type = "binpack", field = "memori" }]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:51: unknown `field` "memori" of `binpack`
      |
    8 | placement_strategy = [{ type = "binpack", field = "memori" }]
      |                                                   ^^^^^^^^
      |
      = help: did you mean "memory"? valid: "cpu", "memory"
    "##);
}

#[test]
fn spread_needs_a_field() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
placement_strategy = [{ type = "spread" }]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:23: `spread` needs a `field`
      |
    8 | placement_strategy = [{ type = "spread" }]
      |                       ^^^^^^^^^^^^^^^^^^^
      |
      = help: valid: "instanceId", "host", "attribute:<name>"
    "##);
}

#[test]
fn more_than_five_strategies_are_refused() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
placement_strategy = [
  { type = "random" },
  { type = "random" },
  { type = "random" },
  { type = "random" },
  { type = "random" },
  { type = "random" },
]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:14:3: at most 5 placement strategies are allowed, found 6
       |
    14 |   { type = "random" },
       |   ^^^^^^^^^^^^^^^^^^^
    "##);
}

#[test]
fn more_than_ten_constraints_are_refused() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
placement_constraints = [
  { type = "distinctInstance" },
  { type = "distinctInstance" },
  { type = "distinctInstance" },
  { type = "distinctInstance" },
  { type = "distinctInstance" },
  { type = "distinctInstance" },
  { type = "distinctInstance" },
  { type = "distinctInstance" },
  { type = "distinctInstance" },
  { type = "distinctInstance" },
  { type = "distinctInstance" },
]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:1: at most 10 placement constraints are allowed, those of the task definition included; found 11
      |
    8 | placement_constraints = [
      | ^^^^^^^^^^^^^^^^^^^^^
    "##);
}

#[test]
fn strategies_on_fargate_are_refused() {
    let toml = r#"[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
launch_type = "FARGATE"
placement_strategy = [{ type = "random" }]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:4:1: placement strategies are not supported with Fargate: Fargate spreads tasks over the Availability Zones by itself
      |
    4 | placement_strategy = [{ type = "random" }]
      | ^^^^^^^^^^^^^^^^^^
    "##);
}

#[test]
fn weights_of_zero_are_refused() {
    let toml = r#"[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
capacity_provider_strategy = [{ capacity_provider = "FARGATE", base = 1 }]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:3:30: all weights of the strategy are 0: RunTask fails with such a strategy
      |
    3 | capacity_provider_strategy = [{ capacity_provider = "FARGATE", base = 1 }]
      |                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: give at least one provider a `weight` from 1 to 1,000 (the API's default is 0)
    "##);
}

#[test]
fn only_one_provider_has_a_base() {
    let toml = r#"[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
capacity_provider_strategy = [
  { capacity_provider = "FARGATE", base = 1, weight = 1 },
  { capacity_provider = "FARGATE_SPOT", base = 1, weight = 1 },
]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:5:48: only one provider of a strategy has a `base`; the first is at web.toml:4:43
      |
    5 |   { capacity_provider = "FARGATE_SPOT", base = 1, weight = 1 },
      |                                                ^
    "##);
}

#[test]
fn a_strategy_has_one_to_twenty_providers_with_bases_and_weights_of_the_api() {
    let told = |items: &str| {
        let toml = format!(
            "[[run_task]]\ngenerate = {{ per_second = 1, limit = 9, sizes = [{{ cpu = 256, memory = 512 }}] }}\n\
             capacity_provider_strategy = [{items}]\n"
        );
        refused(&toml, &[])
    };
    assert!(told("").contains("needs at least one provider"));
    let many = ["{ capacity_provider = \"FARGATE\", weight = 1 }"; 21].join(", ");
    assert!(told(&many).contains("at most 20 providers, this one 21"));
    let item = |keys: &str| told(&format!("{{ capacity_provider = \"FARGATE\", {keys} }}"));
    assert!(item("weight = 1001").contains("`weight`"));
    assert!(item("weight = 1, base = 100001").contains("`base`"));
}

#[test]
fn fargate_and_ec2_providers_do_not_mix() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
capacity_provider_strategy = [{ capacity_provider = "general", weight = 1 }, { capacity_provider = "FARGATE", weight = 1 }]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:30: a strategy cannot mix Fargate capacity providers with others
      |
    8 | capacity_provider_strategy = [{ capacity_provider = "general", weight = 1 }, { capacity_provider = "FARGATE", weight = 1 }]
      |                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "##);
}

#[test]
fn an_unknown_provider_names_the_nearest_one() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
capacity_provider_strategy = [{ capacity_provider = "genral", weight = 1 }]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:53: unknown capacity provider "genral"
      |
    8 | capacity_provider_strategy = [{ capacity_provider = "genral", weight = 1 }]
      |                                                     ^^^^^^^^
      |
      = help: did you mean "general"? valid: "FARGATE", "FARGATE_SPOT", "general"
    "##);
}

#[test]
fn a_launch_type_excludes_a_strategy() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
launch_type = "EC2"
capacity_provider_strategy = [{ capacity_provider = "general", weight = 1 }]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:9:1: `capacity_provider_strategy` and `launch_type` exclude each other
      |
    9 | capacity_provider_strategy = [{ capacity_provider = "general", weight = 1 }]
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^
    "##);
}

#[test]
fn a_call_takes_at_most_ten_tasks() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
tasks_per_call = 11
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:18: `tasks_per_call` must be between 1 and 10, is 11
      |
    8 | tasks_per_call = 11
      |                  ^^
    "##);
}

#[test]
fn launch_type_ec2_needs_instances() {
    let toml = r#"[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
launch_type = "EC2"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:3:15: the cluster "default" has no container instances for launch type EC2
      |
    3 | launch_type = "EC2"
      |               ^^^^^
      |
      = help: declare a `[[capacity_provider]]`, or write launch_type = "FARGATE"
    "##);
}

#[test]
fn start_task_names_instances_that_exist() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
start_task = { container_instances = ["general-7"] }
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:39: unknown container instance "general-7"
      |
    8 | start_task = { container_instances = ["general-7"] }
      |                                       ^^^^^^^^^^^
      |
      = help: did you mean "general-0"? valid: "general-0", "general-1", "general-2"
    "##);
}

#[test]
fn fargate_takes_only_awsvpc() {
    let toml = r#"[[task_definition]]
family = "api"
cpu = 256
memory = 512

[[run_task]]
task_definition = "api"
launch_type = "FARGATE"
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:1:1: task definition "api" cannot run on Fargate: Fargate supports only the network mode `awsvpc`, not `bridge`
      |
    1 | [[task_definition]]
      | ^^^^^^^^^^^^^^^^^^^
      |
      = help: write network_mode = "awsvpc"
    "##);
}

#[test]
fn fargate_has_certain_sizes_only() {
    let toml = r#"[[task_definition]]
family = "api"
cpu = 512
memory = 600
network_mode = "awsvpc"
requires_compatibilities = ["FARGATE"]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:4:10: task definition "api" cannot run on Fargate: it has no size of 512 CPU units and 600 MiB
      |
    4 | memory = 600
      |          ^^^
      |
      = help: with 512 CPU units the memory is one of 4 sizes from 1024 to 4096 MiB
    "##);
}

#[test]
fn fargate_has_no_gpus_and_stops_within_120_s() {
    let toml = r#"[[task_definition]]
family = "api"
cpu = 512
memory = 1024
network_mode = "awsvpc"
gpus = 1
stop_timeout = "5m"
requires_compatibilities = ["FARGATE"]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:6:8: task definition "api" cannot run on Fargate: Fargate has no GPUs
      |
    6 | gpus = 1
      |        ^

    error: web.toml:7:16: task definition "api" cannot run on Fargate: its stop time-out is above 120 s
      |
    7 | stop_timeout = "5m"
      |                ^^^^
    "##);
}

#[test]
fn a_caller_needs_tasks() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
name = "work"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:6:1: a `run_task` needs `trace` or `generate`
      |
    6 | [[run_task]]
      | ^^^^^^^^^^^^
    "##);
}

#[test]
fn a_trace_excludes_a_generator() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
trace = "x.csv"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:7:1: `generate` and `trace` exclude each other
      |
    7 | generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
      | ^^^^^^^^
    "##);
}

#[test]
fn a_missing_trace_is_an_error() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
trace = "missing.csv"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:7:9: "missing.csv" does not exist
      |
    7 | trace = "missing.csv"
      |         ^^^^^^^^^^^^^
      |
      = help: paths are relative to the scenario's folder
    "##);
}

#[test]
fn a_generator_needs_an_end() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, sizes = [{ cpu = 256, memory = 512 }] }
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:7:12: `generate` has no end
      |
    7 | generate = { per_second = 1, sizes = [{ cpu = 256, memory = 512 }] }
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: give it `until` or `limit`, or give the simulation a `duration`
    "##);
}

#[test]
fn trace_keys_mean_nothing_for_a_generator() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 9, sizes = [{ cpu = 256, memory = 512 }] }
format = "swf"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:8:1: `format` is about traces, but the tasks are generated
      |
    8 | format = "swf"
      | ^^^^^^
    "##);
}

#[test]
fn an_expectation_needs_a_limit() {
    let toml = r#"[[expect]]
metric = "wait_s_p95"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:1:1: an `expect` needs `at_most` or `at_least`
      |
    1 | [[expect]]
      | ^^^^^^^^^^
    "##);
}

#[test]
fn a_bucket_is_off_or_has_both_numbers() {
    let toml = r#"[limits]
run_task_calls = "of"
fargate_calls = { burst = 3 }
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:18: unknown `run_task_calls` "of"
      |
    2 | run_task_calls = "of"
      |                  ^^^^
      |
      = help: did you mean "off"? valid: "off"

    error: web.toml:3:17: `per_second` is missing
      |
    3 | fargate_calls = { burst = 3 }
      |                 ^^^^^^^^^^^^^
      |
      = help: `per_second`: whole number from 1 to 1,000,000. Tokens that come back each second.
    "##);
}

#[test]
fn a_wrong_price_is_refused() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
usd_per_hour = -0.1
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:5:16: `usd_per_hour` must be between 0 and 1,000,000 dollars, is -0.1
      |
    5 | usd_per_hour = -0.1
      |                ^^^^
    "##);
}

#[test]
fn hostile_text_is_escaped() {
    let toml = r#"[simulation]
region = "\u202eus\u200b-east"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:10: unknown region "\u{202e}us\u{200b}-east"
      |
    2 | region = "\u202eus\u200b-east"
      |          ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: valid: "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2"
    "##);
}

#[test]
fn nesting_is_limited() {
    let toml = r#"a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:1:37: nested deeper than 32 levels
      |
    1 | a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
      |                                     ^^^^^^^^^^^^^^^^
    "##);
}

#[test]
fn a_json_scenario_has_places_too() {
    let toml = r#"{ "simulation": { "seed": -1,
  "sede": 2 } }"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:1:27: `seed` must be between 0 and 9,223,372,036,854,775,807, is -1
      |
    1 | { "simulation": { "seed": -1,
      |                           ^^

    error: web.toml:2:3: unknown key "sede" in `simulation`
      |
    2 |   "sede": 2 } }
      |   ^^^^^^
      |
      = help: did you mean "seed"? valid: "name", "region", "duration", "seed", "start", "sample_interval", "max_requests_alive", "tie_break"
    "##);
}

#[test]
fn several_errors_come_in_the_order_of_the_file() {
    let toml = r#"[[run_task]]
launch_type = "FARGAT"
generate = { per_second = 0, limit = 1 }

[[capacity_provider]]
name = "general"
instance_types = ["m5.large", "m5.lagre"]
desired_capacity = 3
distribution_segments = 9

[simulation]
tie_break = "fair"
"#;
    insta::assert_snapshot!(refused(toml, &[]), @r##"
    error: web.toml:2:15: unknown `launch_type` "FARGAT"
      |
    2 | launch_type = "FARGAT"
      |               ^^^^^^^^
      |
      = help: did you mean "FARGATE"? valid: "EC2", "FARGATE", "EXTERNAL"

    error: web.toml:3:12: the generated tasks have no size
      |
    3 | generate = { per_second = 0, limit = 1 }
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: give `generate` its `sizes`, or name a `task_definition`

    error: web.toml:3:27: `per_second` must be between 0.000000001 and 1000000, is 0
      |
    3 | generate = { per_second = 0, limit = 1 }
      |                           ^

    error: web.toml:7:31: unknown instance type "m5.lagre"
      |
    7 | instance_types = ["m5.large", "m5.lagre"]
      |                               ^^^^^^^^^^
      |
      = help: did you mean "m5.large" or "c5.large" or "m1.large"?

    error: web.toml:9:1: unknown key "distribution_segments" in `capacity_provider`
      |
    9 | distribution_segments = 9
      | ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: it is a key of a capacity provider's `mixed_instances`

    error: web.toml:12:13: unknown `tie_break` "fair"
       |
    12 | tie_break = "fair"
       |             ^^^^^^
       |
       = help: valid: "stable", "uniform"
    "##);
}

#[test]
fn an_inventory_with_an_unknown_column_names_the_nearest_one() {
    let toml = r#"[[capacity_provider]]
name = "own"
inventory = "nodes.csv"
usd_per_hour = 1
"#;
    insta::assert_snapshot!(refused(toml, &[("nodes.csv", r#"cpu,memory_mb
1024,2048
"#)]), @r##"
    error: nodes.csv:1:5: unknown column "memory_mb"
      |
    1 | cpu,memory_mb
      |     ^^^^^^^^^
      |
      = help: did you mean "memory_mib"? valid: "instance_type", "cpu", "memory_mib", "instance_id", "availability_zone", "count", "gpus", "max_enis", "architecture", "usd_per_hour", "attribute:"
    "##);
}

#[test]
fn rows_of_an_inventory_are_reported_with_line_and_column() {
    let toml = r#"[[capacity_provider]]
name = "own"
inventory = "nodes.csv"
usd_per_hour = 1
"#;
    insta::assert_snapshot!(refused(toml, &[("nodes.csv", r#"instance_id,cpu,memory_mib
a,1024,2048
b,-1,2048
c,1024
a,1024,2048
d,NaN,1e9
e,"1024",5
"#)]), @r##"
    error: nodes.csv:3:3: `cpu` must be between 1 and 1,048,576, is -1
      |
    3 | b,-1,2048
      |   ^^

    error: nodes.csv:4:3: the row has 2 fields, the header has 3
      |
    4 | c,1024
      |   ^^^^

    error: nodes.csv:5:1: duplicate instance "a"; the first is on line 2
      |
    5 | a,1024,2048
      | ^

    error: nodes.csv:6:3: `cpu` must be a whole number, is NaN
      |
    6 | d,NaN,1e9
      |   ^^^

    error: nodes.csv:7:3: quoted fields are not read
      |
    7 | e,"1024",5
      |   ^^^^^^
    "##);
}

#[test]
fn a_type_of_an_inventory_must_exist() {
    let toml = r#"[[capacity_provider]]
name = "own"
inventory = "nodes.csv"
usd_per_hour = 1
"#;
    insta::assert_snapshot!(refused(toml, &[("nodes.csv", r#"instance_type,count
m5.lrge,3
"#)]), @r##"
    error: nodes.csv:2:1: unknown instance type "m5.lrge"
      |
    2 | m5.lrge,3
      | ^^^^^^^
      |
      = help: did you mean "m5.large"? valid: "m5.large", "c5.large", "m1.large"
    "##);
}

#[test]
fn an_empty_inventory_is_an_error() {
    let toml = r#"[[capacity_provider]]
name = "own"
inventory = "nodes.csv"
usd_per_hour = 1
"#;
    insta::assert_snapshot!(refused(toml, &[("nodes.csv", r#""#)]), @"error: nodes.csv: has no header line");
}

#[test]
fn a_price_file_is_checked_with_the_scenario() {
    let toml = r#"[prices]
file = "prices.csv"
"#;
    insta::assert_snapshot!(refused(toml, &[("prices.csv", r#"region,instance_type,usd_per_hour
us-east-1,m5.large,-3
"#)]), @r##"
    error: prices.csv:2:20: usd_per_hour "-3": must not be negative
      |
    2 | us-east-1,m5.large,-3
      |                    ^^
      |
      = help: write dollars such as 0.0416
    "##);
}

#[test]
fn spot_prices_must_not_go_back_in_time() {
    let toml = r#"[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
purchase = "spot"
spot_prices = "spot.csv"
"#;
    insta::assert_snapshot!(refused(toml, &[("spot.csv", r#"time_s,availability_zone,instance_type,usd_per_hour
60,us-east-1a,m5.large,0.03
30,us-east-1a,m5.large,0.04
"#)]), @r##"
    error: spot.csv:3:1: the time goes back from 60 s to 30 s
      |
    3 | 30,us-east-1a,m5.large,0.04
      | ^^
    "##);
}

#[test]
fn a_definition_in_json_is_checked_with_paths() {
    let toml = r#"[[task_definition]]
file = "api.json"
"#;
    insta::assert_snapshot!(refused(toml, &[("api.json", r#"{ "taskDefinition": { "family": "api", "networkMode": "awsvpc", "cpu": 512, "memory": "1 GB",
  "containerDefinitions": [ { "name": "app", "essential": "yes", "memory": 300, "memoryReservation": 400,
    "environment": [ { "name": "TOKEN", "value": 3 } ], "image": "i" } ],
  "unknownKey": 1 } }
"#)]), @r##"
    error: api.json:2:59: `essential` must be true or false, not text (at $.taskDefinition.containerDefinitions[0].essential)
      |
    2 |   "containerDefinitions": [ { "name": "app", "essential": "yes", "memory": 300, "memoryReservation": 400,
      |                                                           ^^^^^

    error: api.json:2:76: `memory` 300 MiB must not be below `memory_reservation` 400 MiB (at $.taskDefinition.containerDefinitions[0].memory)
      |
    2 |   "containerDefinitions": [ { "name": "app", "essential": "yes", "memory": 300, "memoryReservation": 400,
      |                                                                            ^^^
    "##);
}

#[test]
fn a_broken_json_file_is_reported_with_its_place() {
    let toml = r#"[[task_definition]]
file = "api.json"
"#;
    insta::assert_snapshot!(refused(toml, &[("api.json", r#"{ "family": "api",
  "cpu": 01 }
"#)]), @r##"
    error: api.json:2:12: JSON: not a JSON number
      |
    2 |   "cpu": 01 }
      |            ^
    "##);
}

#[test]
fn a_pull_rate_of_zero_is_refused() {
    let toml = "[latency]\nec2_pull_mib_per_s = 0\n";
    insta::assert_snapshot!(refused(toml, &[]), @r"
    error: web.toml:2:22: `ec2_pull_mib_per_s` must be above zero
      |
    2 | ec2_pull_mib_per_s = 0
      |                      ^
    ");
}
