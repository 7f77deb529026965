//! Scenarios: what loads, what it becomes, and that every form of the same scenario agrees.

use ecsim::scenario::keys::{Default, Section, all_sections};
use ecsim::scenario::sections::ROOT;
use ecsim::scenario::{Scenario, load, load_text, schema};
use std::path::{Path, PathBuf};

/// The folder of shared traces, or `None` where it is absent, which only CI forbids.
fn shared() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("ECSIM_SHARED").map_or(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI needs the folder of shared traces");
    println!("no folder of shared traces: what needs it is skipped");
    None
}

/// Every shipped scenario that can be loaded here.
pub(crate) fn shipped() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let folders = [folder.join("myths"), folder].into_iter();
    let mut all: Vec<(PathBuf, String)> = folders
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect();
    all.sort();
    let available = shared().is_some();
    all.retain(|(_, text)| available || !text.contains("ECSIM_SHARED"));
    all
}

fn loaded(text: &str) -> Scenario {
    load_text(text, "test.toml", Path::new(""), &[]).unwrap_or_else(|e| panic!("{e}"))
}

const SMALL: &str = r#"
[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
generate = { per_second = 1, limit = 10, sizes = [{ cpu = 256, memory = 512 }] }
"#;

#[test]
fn every_shipped_scenario_loads() {
    let all = shipped();
    assert!(all.len() >= 8);
    for (path, _) in all {
        load(&path, &[]).unwrap_or_else(|problems| panic!("{problems}"));
    }
}

#[test]
fn the_resolved_scenario_loads_to_the_same_one() {
    for (path, text) in shipped().into_iter().chain([(PathBuf::from("small.toml"), SMALL.into())]) {
        let base = path.parent().unwrap();
        let first = load_text(&text, "x.toml", base, &[]).unwrap_or_else(|e| panic!("{e}"));
        let second = load_text(&first.resolved, "resolved.toml", base, &[])
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(format!("{:#?}", first.setup), format!("{:#?}", second.setup));
        assert_eq!(first.workloads, second.workloads);
        assert_eq!(first.outputs, second.outputs);
        assert_eq!(first.resolved, second.resolved);
        assert_eq!(first.digest, second.digest);
    }
}

#[test]
fn json_of_the_same_shape_is_the_same_scenario() {
    let toml = loaded(SMALL);
    let json = loaded(
        r#"{ "capacity_provider": [{ "name": "general", "instance_types": ["m5.large"], "desired_capacity": 3 }],
             "run_task": [{ "generate": { "per_second": 1, "limit": 10, "sizes": [{ "cpu": 256, "memory": 512 }] } }] }"#,
    );
    assert_eq!(toml.digest, json.digest);
}

#[test]
fn every_declared_default_is_a_right_value() {
    for (path, section) in all_sections(&ROOT) {
        let settings = ecsim::scenario::settings::Settings::empty(
            section,
            ecsim::scenario::tree::Place::DEFAULT,
        );
        for key in section.keys {
            if let Default::Value(text) = key.default {
                assert!(settings.item(key.name).is_some(), "{path}.{} = {text}", key.name);
            }
        }
    }
}

#[test]
fn section_names_are_unique() {
    let mut names: Vec<&str> = all_sections(&ROOT).iter().map(|(_, s)| s.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(count, names.len());
}

#[test]
fn overrides_reach_tables_lists_by_name_and_lists_by_number() {
    let set = |key: &str, value: &str| {
        let overrides = [(key.to_string(), value.to_string())];
        load_text(SMALL, "t.toml", Path::new(""), &overrides)
            .unwrap_or_else(|e| panic!("{e}"))
            .setup
    };
    assert_eq!(set("capacity_provider.general.desired_capacity", "80").instances.len(), 80);
    assert_eq!(set("capacity_provider.0.desired_capacity", "7").instances.len(), 7);
    assert_eq!(set("simulation.seed", "7").seed.0, 7);
    assert_eq!(set("simulation.name", "other").name, "other");
    assert_eq!(set("simulation.duration", "\"2h\"").horizon.unwrap().0, 7_200_000_000);
    let strategies = "[{ type = \"binpack\", field = \"cpu\" }]";
    assert_eq!(
        set("run_task.0.placement_strategy", strategies)
            .sources
            .iter()
            .next()
            .unwrap()
            .strategies
            .len(),
        1
    );
}

#[test]
fn instances_are_dealt_over_types_and_zones_and_know_their_attributes() {
    let text = SMALL.replace("[\"m5.large\"]", "[\"m5.large\", \"m7g.large\"]");
    let setup = loaded(&text.replace("desired_capacity = 3", "desired_capacity = 6")).setup;
    let seen: Vec<String> = setup
        .instances
        .iter()
        .map(|i| {
            let r = &i.registration;
            let architecture = &r.attributes["ecs.cpu-architecture"];
            format!(
                "{} {} {} {architecture}",
                r.name, r.instance_type, r.attributes["ecs.availability-zone"]
            )
        })
        .collect();
    insta::assert_snapshot!(seen.join("\n"), @r"
    general-0 m5.large us-east-1a x86_64
    general-1 m7g.large us-east-1b arm64
    general-2 m5.large us-east-1c x86_64
    general-3 m7g.large us-east-1a arm64
    general-4 m5.large us-east-1b x86_64
    general-5 m7g.large us-east-1c arm64
    ");
}

#[test]
fn a_hundred_thousand_instances_load_and_share_their_attributes() {
    let text = SMALL.replace("desired_capacity = 3", "desired_capacity = 100_000");
    let start = std::time::Instant::now();
    let setup = loaded(&text).setup;
    println!("100,000 instances in {:?}", start.elapsed());
    assert_eq!(setup.instances.len(), 100_000);
    let first = &setup.instances[0].registration.attributes;
    let same = &setup.instances[3].registration.attributes;
    assert!(std::sync::Arc::ptr_eq(first, same), "equal attributes are shared");
}

/// Keys of a tree as paths of keys without numbers.
fn used_keys(value: &toml::Value, path: &str, out: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, inner) in table {
                let path = format!("{path}.{key}");
                out.push(path.clone());
                used_keys(inner, &path, out);
            }
        }
        toml::Value::Array(items) => items.iter().for_each(|item| used_keys(item, path, out)),
        _ => {}
    }
}

/// Whether the schema has the property at a path, through references and alternatives.
fn has_property(root: &serde_json::Value, node: &serde_json::Value, path: &[&str]) -> bool {
    if let Some(name) = node["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#')).expect("references resolve");
        return has_property(root, target, path);
    }
    if let Some(all) = node["anyOf"].as_array() {
        return all.iter().any(|one| has_property(root, one, path));
    }
    if !node["items"].is_null() {
        return has_property(root, &node["items"], path);
    }
    let Some((first, rest)) = path.split_first() else { return true };
    let free = node["additionalProperties"].is_object();
    free || (!node["properties"][first].is_null()
        && has_property(root, &node["properties"][first], rest))
}

#[test]
fn the_schema_knows_every_key_of_the_shipped_scenarios() {
    let schema = schema::schema();
    for (path, text) in shipped() {
        let mut keys = Vec::new();
        used_keys(&toml::Value::Table(text.parse().unwrap()), "", &mut keys);
        for key in keys {
            let parts: Vec<&str> = key.trim_start_matches('.').split('.').collect();
            assert!(has_property(&schema, &schema, &parts), "{}: {key}", path.display());
        }
    }
}

/// What `scenarios/README.md` must say of a section.
fn documented(path: &str, section: &Section) -> String {
    let title = match section.name {
        name if path.contains('.') || path.is_empty() => name.to_string(),
        _ => format!("[{path}]"),
    };
    let mut out = format!("### `{title}`\n\n{}\n\n", section.doc);
    out += "| Key | Type | Default | Meaning | Source |\n|---|---|---|---|---|\n";
    for key in section.keys {
        let default = match key.default {
            Default::Required => "**required**".to_string(),
            Default::Value(text) => format!("`{text}`"),
            Default::Words(words) => words.to_string(),
        };
        let kind = key.kind.describe().replace('|', "\\|");
        let line =
            format!("| `{}` | {kind} | {default} | {} | {} |\n", key.name, key.doc, key.source);
        out += &line;
    }
    out
}

#[test]
fn the_readme_lists_every_key_with_type_default_and_source() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/README.md");
    let readme = std::fs::read_to_string(&path).unwrap_or_default();
    const BEGIN: &str = "<!-- keys: written by the test below, UPDATE_README=1 renews it -->\n";
    let sections: Vec<String> = all_sections(&ROOT)
        .iter()
        .filter(|(path, _)| !path.is_empty())
        .map(|(path, section)| documented(path, section))
        .collect();
    let wanted = sections.join("\n");
    let (head, keys) = readme.split_once(BEGIN).unwrap_or((&readme, ""));
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{wanted}")).unwrap();
        return;
    }
    for (written, wanted) in keys.lines().zip(wanted.lines()) {
        assert_eq!(written, wanted, "UPDATE_README=1 cargo test renews the list");
    }
    assert_eq!(keys.lines().count(), wanted.lines().count());
}

/// A folder with a scenario and files beside it.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn an_inventory_of_a_hundred_thousand_rows_loads() {
    let mut nodes = String::from("instance_id,instance_type,availability_zone,attribute:rack\n");
    for index in 0..100_000 {
        let zone = ["a", "b", "c"][index % 3];
        nodes += &format!("i-{index},m5.large,us-east-1{zone},r{}\n", index % 40);
    }
    let text = SMALL.replace(
        "instance_types = [\"m5.large\"]\ndesired_capacity = 3",
        "inventory = \"nodes.csv\"",
    );
    let folder = folder(&[("web.toml", &text), ("nodes.csv", &nodes)]);
    let start = std::time::Instant::now();
    let setup = load(&folder.path().join("web.toml"), &[]).unwrap_or_else(|e| panic!("{e}")).setup;
    println!("an inventory of 100,000 rows in {:?}", start.elapsed());
    assert_eq!(setup.instances.len(), 100_000);
    assert_eq!(setup.instances[41].registration.name, "i-41");
    assert_eq!(setup.instances[41].registration.attributes["rack"], "r1");
}

#[test]
fn many_thousand_callers_load_in_linear_time() {
    let mut text = String::new();
    let n = 20_000;
    for index in 0..n {
        let call =
            "generate = { per_second = 1, limit = 1, sizes = [{ cpu = 256, memory = 512 }] }";
        text += &format!("[[run_task]]\nname = \"r{index}\"\n{call}\n");
    }
    let start = std::time::Instant::now();
    let problems = load_text(&text, "t.toml", Path::new(""), &[]);
    println!("20,000 callers in {:?}", start.elapsed());
    assert_eq!(problems.unwrap_or_else(|e| panic!("{e}")).setup.sources.len(), n);
}

#[test]
fn task_definitions_as_the_aws_cli_prints_them_are_read() {
    let Some(shared) = shared() else { return };
    let mut text = String::new();
    for name in ["api", "web", "worker"] {
        let file =
            shared.join(format!("aws-fixtures/ecs-describe-task-definition-shop-{name}.json"));
        text += &format!("[[task_definition]]\nfile = {:?}\n\n", file.to_str().unwrap());
    }
    let setup = loaded(&text).setup;
    let seen: Vec<String> = setup
        .definitions
        .iter()
        .map(|d| {
            let mode = d.network_mode.api_name();
            format!(
                "{}:{} {mode}: {}, {} others",
                d.family, d.revision, d.demand, d.other_containers
            )
        })
        .collect();
    assert!(seen[0].starts_with("shop-api:2 bridge: 640 CPU units, 896 MiB, 1 others"), "{seen:?}");
    assert_eq!(seen.len(), 3);
}

#[test]
fn a_family_alone_means_its_latest_revision() {
    let text = r#"
[[task_definition]]
family = "api"
revision = 2
memory = 512

[[task_definition]]
family = "api"
revision = 1
memory = 256
"#;
    let caller = |definition: &str| {
        let call = format!(
            "[[run_task]]\nlaunch_type = \"EC2\"\ntask_definition = \"{definition}\"\ngenerate = {{ per_second = 1, limit = 1 }}\n"
        );
        let provider = SMALL.split("[[run_task]]").next().unwrap();
        let setup = loaded(&format!("{provider}{text}\n{call}")).setup;
        let source = setup.sources.iter().next().unwrap().definition;
        setup.definitions[source].demand.memory
    };
    assert_eq!((caller("api"), caller("api:1"), caller("api:2")), (512, 256, 512));
}

#[test]
fn spot_prices_follow_the_market_of_each_instance() {
    let spot = "time_s,availability_zone,instance_type,usd_per_hour\n\
        60,us-east-1a,m5.large,0.03\n90,us-east-1a,m5.large,0.05\n0,us-east-1b,m5.large,0.04\n";
    let text = SMALL.replace(
        "desired_capacity = 3",
        "desired_capacity = 2\npurchase = \"spot\"\nspot_prices = \"spot.csv\"",
    );
    let folder = folder(&[("web.toml", &text), ("spot.csv", spot)]);
    let setup = load(&folder.path().join("web.toml"), &[]).unwrap_or_else(|e| panic!("{e}")).setup;
    let prices: Vec<String> = setup.instances.iter().map(|i| format!("{:?}", i.price)).collect();
    insta::assert_snapshot!(prices.join("\n"), @r"
    Steps([(SimTime(0), HourlyRate(30000000)), (SimTime(90000000), HourlyRate(50000000))])
    Steps([(SimTime(0), HourlyRate(40000000))])
    ");
}

#[test]
fn every_template_of_init_is_right() {
    use ecsim::cli::init::{InitArgs, run};
    for name in ["batch", "fargate", "mixed", "service"] {
        let mut out = Vec::new();
        run(&InitArgs { template: name.into(), list: false }, &mut out).unwrap();
        loaded(&String::from_utf8(out).unwrap());
    }
    let unknown = run(&InitArgs { template: "bach".into(), list: false }, &mut Vec::new());
    insta::assert_snapshot!(unknown.unwrap_err(), @r#"
    error: unknown template "bach"
      = help: did you mean "batch"? valid: "batch", "fargate", "mixed", "service"
    "#);
}
