//! Containers of a task one after the other (`dependsOn`), and those that are started again in place (`restartPolicy`).

use super::Build;
use crate::base::time::SimSpan;
use crate::model::definition::{RestartPolicy, Sidecar, StartOrder, StopOrder};
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::settings::Settings;

/// From a container's start to its health check's first result, where it says nothing (API default of `interval`).
const CHECK_INTERVAL: SimSpan = SimSpan::from_secs(30);

/// A container that waits for others: `(index, until so long after its start)`.
type Dependencies = Vec<Vec<(usize, SimSpan)>>;

impl Build<'_> {
    /// How containers start one after the other.
    pub(super) fn start_order(&mut self, settings: &Settings) -> StartOrder {
        let containers: Vec<Settings> = settings.tables("container").cloned().collect();
        let mut dependencies: Dependencies = Vec::new();
        for container in &containers {
            dependencies.push(self.dependencies(container, &containers));
        }
        let mut orders: Vec<Option<StartOrder>> = vec![None; containers.len()];
        // Whoever waits only for those that are known is known in the next round; a circle is never known.
        for _ in 0..containers.len() {
            for (index, others) in dependencies.iter().enumerate() {
                let before: Option<Vec<StartOrder>> =
                    others.iter().map(|&(other, wait)| Some(after(orders[other]?, wait))).collect();
                if let Some(before) = before {
                    let last = before.into_iter().max_by_key(|order| (order.waits, order.starts));
                    let last = last.unwrap_or(StartOrder { starts: 0, waits: SimSpan::ZERO });
                    orders[index] = Some(StartOrder { starts: last.starts + 1, ..last });
                }
            }
        }
        if let Some(index) = orders.iter().position(Option::is_none) {
            let message = "containers wait for each other in a circle";
            self.error(containers[index].place_of("depends_on"), message);
        }
        let last = orders.into_iter().flatten().max_by_key(|order| (order.waits, order.starts));
        last.unwrap_or_default()
    }

    fn dependencies(
        &mut self,
        container: &Settings,
        containers: &[Settings],
    ) -> Vec<(usize, SimSpan)> {
        let mut found = Vec::new();
        for dependency in container.tables("depends_on").cloned().collect::<Vec<_>>() {
            let (Some(name), Some(condition)) =
                (dependency.text("container"), dependency.text("condition"))
            else {
                continue;
            };
            let Some(index) = containers.iter().position(|c| c.text("name") == Some(name)) else {
                let message = format!(
                    "`depends_on` names the container {}, which there is not",
                    quoted(name)
                );
                let help = suggestion(name, containers.iter().filter_map(|c| c.text("name")));
                self.error_with_help(dependency.value_place("container"), message, help);
                continue;
            };
            let other = &containers[index];
            let place = dependency.value_place("condition");
            let runs = other.span("runs_for").unwrap_or_default();
            let wait = match condition {
                "HEALTHY" => match other.table("health_check") {
                    Some(check) => check.span("interval").unwrap_or(CHECK_INTERVAL),
                    None => {
                        let message = format!(
                            "the container {} has no `health_check` to become HEALTHY by",
                            quoted(name)
                        );
                        self.error(place, message);
                        SimSpan::ZERO
                    }
                },
                "COMPLETE" | "SUCCESS" if other.flag("essential") => {
                    let message = format!(
                        "nobody can wait for {condition} of an essential container: the task ends with it"
                    );
                    self.error(place, message);
                    SimSpan::ZERO
                }
                "COMPLETE" | "SUCCESS" => runs,
                _ => SimSpan::ZERO,
            };
            found.push((index, wait));
        }
        found
    }

    /// The restart policy of the first essential container, whose crash the service's behaviour describes.
    pub(super) fn restart_policy(&mut self, settings: &Settings) -> Option<RestartPolicy> {
        policy_of(settings.tables("container").find(|container| container.flag("essential"))?)
    }

    /// Essential containers beside the first that crash. What is said of crashes that never come is refused, or noted where
    /// a definition of ECS may say it.
    pub(super) fn sidecars(&mut self, settings: &Settings) -> Vec<Sidecar> {
        let containers: Vec<Settings> = settings.tables("container").cloned().collect();
        let first = containers.iter().position(|container| container.flag("essential"));
        let mut sidecars = Vec::new();
        for (index, container) in containers.iter().enumerate() {
            let (is_first, is_essential) = (first == Some(index), container.flag("essential"));
            let lives = container.distribution("time_to_failure");
            if lives.is_none() {
                if let Some(key) =
                    ["crash_exit_code"].into_iter().find(|key| container.is_given(key))
                {
                    let message = format!("`{key}` is of containers with a `time_to_failure`");
                    self.error(container.place_of(key), message);
                } else if !is_first {
                    self.note_idle_policy(container, is_essential);
                }
                continue;
            }
            let place = container.place_of("time_to_failure");
            if is_first {
                let message = "when the first essential container crashes is the service's to say: \
                               `behaviour.time_to_failure`";
                self.error(place, message);
            } else if !is_essential {
                let message = "the crash of a container that is not essential changes nothing: leave \
                               `time_to_failure` out, or make it `essential`";
                self.error(place, message);
            } else if let Some(lives) = lives {
                if lives.mean() < 1.0 {
                    self.error(place, "`time_to_failure` has a mean below one second");
                }
                let exit_code = container.whole16("crash_exit_code").unwrap_or(1);
                sidecars.push(Sidecar {
                    lives: lives.clone(),
                    exit_code: u8::try_from(exit_code).unwrap_or(u8::MAX),
                    restart: policy_of(container),
                });
            }
        }
        sidecars
    }

    /// A restart policy that is never needed.
    fn note_idle_policy(&mut self, container: &Settings, is_essential: bool) {
        let policy = container.table("restart_policy").filter(|table| table.flag("enabled"));
        let Some(policy) = policy else { return };
        let why = match is_essential {
            true => {
                "this container never crashes; `time_to_failure` of the container says when it does \
                 (see `container` in scenarios/README.md)"
            }
            false => "the exit of a container that is not essential changes nothing here",
        };
        let place = self.problems.describe(policy.place);
        self.notes.push(format!("{place}: the restart policy does nothing: {why}"));
    }
}

/// The restart policy of a container, where it is enabled.
fn policy_of(container: &Settings) -> Option<RestartPolicy> {
    let table = container.table("restart_policy").filter(|table| table.flag("enabled"))?;
    let codes = table.list("ignored_exit_codes").iter().filter_map(|item| match item.value {
        crate::scenario::settings::Value::Whole(code) => u8::try_from(code).ok(),
        _ => None,
    });
    Some(RestartPolicy {
        ignored_exit_codes: codes.collect(),
        attempt_period: table.span("restart_attempt_period").unwrap_or(SimSpan::from_secs(300)),
    })
}

/// Where a container is that waits `wait` after the start of another.
fn after(other: StartOrder, wait: SimSpan) -> StartOrder {
    StartOrder { waits: other.waits + wait, ..other }
}

/// How containers stop one after the other. Wrong dependencies are reported where the starts are read.
pub(super) fn stop_order(settings: &Settings) -> StopOrder {
    let containers: Vec<&Settings> = settings.tables("container").collect();
    let position = |name: &str| containers.iter().position(|c| c.text("name") == Some(name));
    let mut has_exited = vec![false; containers.len()];
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); containers.len()];
    for (index, container) in containers.iter().enumerate() {
        for dependency in container.tables("depends_on") {
            let Some(other) = dependency.text("container").and_then(position) else { continue };
            match dependency.text("condition") {
                Some("COMPLETE" | "SUCCESS") => has_exited[other] = true,
                _ => dependents[other].push(index),
            }
        }
    }
    // A container stops a turn after the last one that depends on it.
    let mut turn = vec![0; containers.len()];
    for _ in 0..containers.len() {
        for index in 0..containers.len() {
            let later = dependents[index].iter().filter(|&&other| !has_exited[other]);
            // In a circle, which is refused, turns would grow for ever.
            turn[index] =
                later.map(|&other| turn[other] + 1).max().unwrap_or(0).min(containers.len());
        }
    }
    let stopping = (0..containers.len()).filter(|&index| !has_exited[index]);
    let mut turns = vec![0; containers.len() + 1];
    stopping.for_each(|index| turns[turn[index]] += 1);
    turns.truncate(turns.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1));
    if turns.len() < 2 {
        return StopOrder::default();
    }
    let first = containers.iter().position(|container| container.flag("essential"));
    StopOrder { turns, essential: first.map_or(0, |index| turn[index]) }
}
