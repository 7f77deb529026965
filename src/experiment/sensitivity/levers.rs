//! What can be moved: the stages and settings that a scenario has. One that nothing in it goes through is none.

use crate::base::distribution::Distribution;
use crate::base::time::SimSpan;
use crate::model::definition::NetworkMode;
use crate::model::platform::LaunchType;
use crate::scenario::units::readable;
use crate::sim::setup::{Launch, Setup};

/// What a side of a lever changes.
#[derive(Clone, Debug)]
pub enum Change {
    /// The time of a stage, by a factor.
    Scale(fn(&mut Setup, f64), f64),
    /// A setting, by so many steps.
    Step(fn(&mut Setup, i64), i64),
    /// A key, to a value: as `--set` does.
    Set(String, String),
}

/// A side that a lever can be moved to.
#[derive(Clone, Debug)]
pub struct Side {
    /// What it is then, as people read it.
    pub to: String,
    /// What is changed.
    pub change: Change,
}

/// A stage or a setting.
#[derive(Clone, Debug)]
pub struct Lever {
    /// The key that changes it.
    pub key: String,
    /// What it is in the life of a task or a fleet.
    pub stage: &'static str,
    /// What it is now, as people read it.
    pub from: String,
    /// What it is moved to: first the better or the shorter.
    pub sides: Vec<Side>,
}

/// Key, stage, whether a scenario has it, its seconds, and how they are scaled.
type Stage = (&'static str, &'static str, fn(&Setup) -> Option<f64>, fn(&mut Setup, f64));
/// Key, stage, its value and unit where a scenario has it, its step, and how it is moved.
type Setting = (
    &'static str,
    &'static str,
    fn(&Setup) -> Option<(i64, &'static str)>,
    i64,
    fn(&mut Setup, i64),
);

fn seconds(of: &Distribution, is_there: bool) -> Option<f64> {
    let mean = of.mean();
    (is_there && mean > 0.0 && mean.is_finite()).then_some(mean)
}

fn scale(of: &mut Distribution, factor: f64) {
    *of = of.scaled(factor);
}

fn scale_span(of: &mut SimSpan, factor: f64) {
    *of = SimSpan((of.0 as f64 * factor).round() as u64);
}

fn has_launch(setup: &Setup, wanted: LaunchType) -> bool {
    let sources = setup.sources.iter().map(|source| &source.launch);
    let services = setup.services.iter().flat_map(|service| &service.launches);
    sources.chain(services).any(|launch| match launch {
        Launch::Type(kind) => *kind == wanted,
        Launch::Start(_) => wanted == LaunchType::Ec2,
        Launch::Providers(shares) => {
            shares.iter().any(|share| setup.providers[share.provider].launch == wanted)
        }
    })
}

fn has_ec2(setup: &Setup) -> bool {
    has_launch(setup, LaunchType::Ec2)
}

fn has_fargate(setup: &Setup) -> bool {
    has_launch(setup, LaunchType::Fargate) || setup.overflows()
}

fn has_images(setup: &Setup) -> bool {
    setup.definitions.iter().any(|of| of.image_mib > 0)
}

/// MiB that are pulled for a task in the mean: turns a rate into seconds.
fn pull(setup: &Setup, rate: &Distribution, is_there: bool) -> Option<f64> {
    let images = setup.definitions.iter().map(|of| f64::from(of.image_mib));
    let mean = images.sum::<f64>() / setup.definitions.iter().count().max(1) as f64;
    seconds(rate, is_there && has_images(setup)).map(|rate| mean / rate)
}

fn scaled_group(
    setup: &Setup,
    of: fn(&crate::model::group::InstanceTiming) -> &Distribution,
) -> Option<f64> {
    let scales = setup.groups.iter().find(|group| {
        group.managed.is_some() || group.scaling.is_some() || group.instances.is_some()
    });
    scales.and_then(|group| seconds(of(&group.timing), true))
}

const STAGES: &[Stage] = &[
    (
        "latency.instance_launch",
        "instance: from the need to the call",
        |s| scaled_group(s, |timing| &timing.launch),
        |s, f| s.groups.iter_mut().for_each(|group| scale(&mut group.timing.launch, f)),
    ),
    (
        "latency.instance_pending",
        "instance: pending",
        |s| scaled_group(s, |timing| &timing.pending),
        |s, f| s.groups.iter_mut().for_each(|group| scale(&mut group.timing.pending, f)),
    ),
    (
        "latency.instance_boot",
        "instance: boot",
        |s| scaled_group(s, |timing| &timing.boot),
        |s, f| s.groups.iter_mut().for_each(|group| scale(&mut group.timing.boot, f)),
    ),
    (
        "latency.instance_register",
        "instance: registration",
        |s| scaled_group(s, |timing| &timing.register),
        |s, f| s.groups.iter_mut().for_each(|group| scale(&mut group.timing.register, f)),
    ),
    (
        "capacity_provider.*.managed_scaling.metric_delay",
        "metric of managed scaling",
        |s| {
            let managed = s.groups.iter().find_map(|group| group.managed.as_ref());
            managed.map(|of| of.scaling.metric_delay.0 as f64 / 1e6).filter(|s| *s > 0.0)
        },
        |s, f| {
            let managed = s.groups.iter_mut().filter_map(|group| group.managed.as_mut());
            managed.for_each(|of| scale_span(&mut of.scaling.metric_delay, f));
        },
    ),
    (
        "latency.eni_attach",
        "ENI on EC2",
        |s| {
            let is_awsvpc = s.definitions.iter().any(|of| of.network_mode == NetworkMode::Awsvpc);
            seconds(&s.latencies.eni_attach, has_ec2(s) && is_awsvpc)
        },
        |s, f| scale(&mut s.latencies.eni_attach, f),
    ),
    (
        "latency.ec2_pull_mib_per_s",
        "image pull on EC2",
        |s| pull(s, &s.latencies.ec2_pull_mib_per_s, has_ec2(s)),
        // Half the time is twice the rate, and the disk must not be what is left.
        |s, f| {
            scale(&mut s.latencies.ec2_pull_mib_per_s, 1.0 / f);
            let disk = f64::from(s.latencies.ec2_disk_mib_per_s) / f;
            s.latencies.ec2_disk_mib_per_s = disk.round() as u32;
        },
    ),
    (
        "latency.ec2_start",
        "containers on EC2",
        |s| seconds(&s.latencies.ec2_start, has_ec2(s)),
        |s, f| scale(&mut s.latencies.ec2_start, f),
    ),
    (
        "latency.fargate_eni",
        "ENI on Fargate",
        |s| seconds(&s.latencies.fargate_eni, has_fargate(s)),
        |s, f| scale(&mut s.latencies.fargate_eni, f),
    ),
    (
        "latency.fargate_prepare",
        "preparation on Fargate",
        |s| seconds(&s.latencies.fargate_prepare, has_fargate(s)),
        |s, f| scale(&mut s.latencies.fargate_prepare, f),
    ),
    (
        "latency.fargate_pull_mib_per_s",
        "image pull on Fargate",
        |s| pull(s, &s.latencies.fargate_pull_mib_per_s, has_fargate(s)),
        |s, f| scale(&mut s.latencies.fargate_pull_mib_per_s, 1.0 / f),
    ),
    (
        "latency.fargate_start",
        "containers on Fargate",
        |s| seconds(&s.latencies.fargate_start, has_fargate(s)),
        |s, f| scale(&mut s.latencies.fargate_start, f),
    ),
    (
        "service.*.behaviour.ready_after",
        "start of the application",
        |s| {
            let revisions = s.services.iter().flat_map(|service| &service.revisions);
            let mut ready = revisions.filter_map(|of| seconds(&of.behaviour.ready_after, true));
            ready.next()
        },
        |s, f| {
            let revisions = s.services.iter_mut().flat_map(|service| &mut service.revisions);
            revisions.for_each(|of| scale(&mut of.behaviour.ready_after, f));
        },
    ),
    (
        "service.*.load_balancer.health_check.interval",
        "health check",
        |s| {
            let balancer = s.services.iter().find_map(|service| service.balancer.as_ref());
            balancer.map(|of| of.interval.0 as f64 / 1e6)
        },
        |s, f| {
            let balancers = s.services.iter_mut().filter_map(|service| service.balancer.as_mut());
            balancers.for_each(|of| scale_span(&mut of.interval, f));
        },
    ),
    (
        "cloudwatch.metric_delay",
        "metric delay",
        |s| {
            let looks = s.services.iter().any(|service| service.looks_at_metrics());
            Some(s.metric_delays.standard.0 as f64 / 1e6).filter(|delay| looks && *delay > 0.0)
        },
        |s, f| scale_span(&mut s.metric_delays.standard, f),
    ),
    (
        "service.*.scaling.target_tracking.scale_out_cooldown",
        "cooldown of scale-out",
        |s| {
            let targets = s.services.iter().filter_map(|service| service.scaling.as_ref());
            let mut all = targets.flat_map(|of| &of.target_tracking);
            all.next().map(|of| of.scale_out_cooldown.0 as f64 / 1e6).filter(|s| *s > 0.0)
        },
        |s, f| {
            let targets = s.services.iter_mut().filter_map(|service| service.scaling.as_mut());
            let all = targets.flat_map(|of| &mut of.target_tracking);
            all.for_each(|of| scale_span(&mut of.scale_out_cooldown, f));
        },
    ),
];

const SETTINGS: &[Setting] = &[
    (
        "capacity_provider.*.managed_scaling.target_capacity",
        "room that is kept free",
        |s| {
            let managed = s.groups.iter().find_map(|group| group.managed.as_ref());
            managed.map(|of| (i64::from(of.scaling.target_capacity), " %"))
        },
        -10,
        |s, by| {
            for of in s.groups.iter_mut().filter_map(|group| group.managed.as_mut()) {
                let target = i64::from(of.scaling.target_capacity) + by;
                of.scaling.target_capacity = target.clamp(1, 100) as u32;
            }
        },
    ),
    (
        "service.*.scaling.min_capacity",
        "least tasks",
        |s| {
            let target = s.services.iter().find_map(|service| service.scaling.as_ref());
            target.map(|of| (i64::from(of.min_capacity), ""))
        },
        1,
        |s, by| {
            for of in s.services.iter_mut().filter_map(|service| service.scaling.as_mut()) {
                let least = (i64::from(of.min_capacity) + by).max(0) as u32;
                of.min_capacity = least.min(of.max_capacity);
            }
        },
    ),
];

/// What `setup` has to move: stages by `factor` and its inverse, settings by a step either way, and the keys of `tries`.
#[must_use]
pub fn levers(setup: &Setup, factor: f64, tries: &[(String, String)]) -> Vec<Lever> {
    let mut all = Vec::new();
    for (key, stage, has, change) in STAGES {
        let Some(seconds) = has(setup) else { continue };
        let text = |seconds: f64| readable(SimSpan((seconds * 1e3).round() as u64 * 1_000));
        let side = |factor: f64| Side {
            to: text(seconds * factor),
            change: Change::Scale(*change, factor),
        };
        let sides = vec![side(factor), side(1.0 / factor)];
        all.push(Lever { key: (*key).into(), stage, from: text(seconds), sides });
    }
    for (key, stage, has, step, change) in SETTINGS {
        let Some((value, unit)) = has(setup) else { continue };
        let side = |step: i64| Side {
            to: format!("{}{unit}", value + step),
            change: Change::Step(*change, step),
        };
        let is_in_range = |step: i64| value + step > 0 && (unit != " %" || value + step <= 100);
        let steps = [*step, -step].into_iter().filter(|step| is_in_range(*step));
        let sides: Vec<Side> = steps.map(side).collect();
        if !sides.is_empty() {
            all.push(Lever { key: (*key).into(), stage, from: format!("{value}{unit}"), sides });
        }
    }
    for (key, value) in tries {
        let change = Change::Set(key.clone(), value.clone());
        let sides = vec![Side { to: value.clone(), change }];
        all.push(Lever { key: key.clone(), stage: "as asked", from: String::new(), sides });
    }
    all
}

/// Moves levers of `setup`; what is set by key was set before it was one.
pub fn apply(setup: &mut Setup, change: &Change) {
    match change {
        Change::Scale(scale, factor) => scale(setup, *factor),
        Change::Step(step, by) => step(setup, *by),
        Change::Set(..) => {}
    }
}
