//! Deployments of a service: the configuration, with what CreateService refuses of it.

use super::Build;
use super::service::{Subject, ppm};
use crate::base::time::SimSpan;
use crate::model::service::{
    BalancerKind, BreakerThreshold, CircuitBreaker, DeploymentAlarm, DeploymentAlarms,
    DeploymentConfiguration, DeploymentController, DeploymentMetric, DeploymentStrategy,
    EarlySuccess, Hook, HookAction, LoadBalancer, Permille, Stage,
};
use crate::scenario::sections::DEPLOYMENT;
use crate::scenario::settings::Settings;

/// Longest wait of a pause hook where it says nothing (API reference; documented).
const PAUSE_TIMEOUT: SimSpan = SimSpan::from_secs(1_440 * 60);
/// Time of a Lambda hook that does not say (assumed).
const LAMBDA_TAKES: SimSpan = SimSpan::from_secs(1);

/// The most alarms of a deployment: those in ALARM are bits of one number (a limit of this program).
const MOST_ALARMS: usize = 64;

impl Build<'_> {
    /// The `deployment_configuration` of a service.
    pub(super) fn deployment(
        &mut self,
        subject: &Subject<'_>,
        balancer: Option<&LoadBalancer>,
    ) -> DeploymentConfiguration {
        let empty = Settings::empty(&DEPLOYMENT, subject.settings.place);
        let settings = subject.settings.table("deployment_configuration").unwrap_or(&empty);
        self.deployment_of_settings(subject, settings, balancer)
    }

    /// The same from settings that updates may have changed.
    pub(super) fn deployment_of_settings(
        &mut self,
        subject: &Subject<'_>,
        settings: &Settings,
        balancer: Option<&LoadBalancer>,
    ) -> DeploymentConfiguration {
        let strategy = self.deployment_strategy(subject, settings, balancer);
        let daemon = subject.is_daemon();
        let percent = |key: &str, replica: u32, of_daemon: u32| {
            settings.whole32(key).unwrap_or(if daemon { of_daemon } else { replica })
        };
        let is_managed = daemon && self.managed_of(&subject.launch).is_some();
        let minimum = match is_managed {
            true => 0, // its tasks are not replaced in place
            false => percent("minimum_healthy_percent", 100, 0),
        };
        let maximum = percent("maximum_percent", 200, 100);
        if daemon && maximum != 100 {
            let message = "`maximum_percent` of a DAEMON service must be 100";
            self.error(settings.value_place("maximum_percent"), message);
        }
        let rolling = subject.controller == DeploymentController::Ecs
            && strategy == DeploymentStrategy::Rolling;
        self.check_rolling_only(settings, rolling);
        let known = DeploymentConfiguration::default();
        self.check_daemon_deployment(is_managed, settings);
        let bake = settings.span("bake_time");
        let drains = settings.is_given("drain_percent");
        DeploymentConfiguration {
            drains_ppm: if drains { ppm(settings, "drain_percent") } else { known.drains_ppm },
            strategy,
            minimum_healthy_percent: minimum,
            maximum_percent: maximum,
            circuit_breaker: self.circuit_breaker(settings),
            alarms: self.deployment_alarms(settings),
            early_success: self.early_success(settings, minimum),
            bake: bake.or(is_managed.then_some(SimSpan::ZERO)), // alarms need no time of theirs there
            hooks: self.hooks(settings, rolling || subject.controller != DeploymentController::Ecs),
            blue_termination_wait: settings
                .span("termination_wait")
                .unwrap_or(known.blue_termination_wait),
        }
    }

    /// The instances of a managed daemon are replaced, those of other DAEMON services get another task.
    fn check_daemon_deployment(&mut self, is_managed: bool, settings: &Settings) {
        if !is_managed && settings.is_given("drain_percent") {
            let message = "`drain_percent` is about managed daemons: DAEMON services of a provider of Managed Instances";
            self.error(settings.place_of("drain_percent"), message);
        }
        let key = "minimum_healthy_percent";
        if is_managed && settings.is_given(key) {
            let place = self.problems.describe(settings.place_of(key));
            let note = format!(
                "{place}: `{key}` changes nothing of a managed daemon, whose instances are replaced, `drain_percent` at once"
            );
            if !self.notes.contains(&note) {
                self.notes.push(note); // updates read the same table
            }
        }
    }

    /// How traffic moves: the strategy of the controller ECS, or CodeDeploy's configuration.
    fn deployment_strategy(
        &mut self,
        subject: &Subject<'_>,
        settings: &Settings,
        balancer: Option<&LoadBalancer>,
    ) -> DeploymentStrategy {
        let written = settings.text("strategy").unwrap_or("ROLLING");
        let controller = subject.settings.text("deployment_controller").unwrap_or("ECS");
        if subject.controller != DeploymentController::Ecs && written != "ROLLING" {
            let message = format!(
                "`strategy` {written} is one of the deployment controller ECS, not of {controller}"
            );
            self.error(settings.value_place("strategy"), message);
        }
        if subject.controller != DeploymentController::CodeDeploy {
            for key in ["code_deploy", "termination_wait"] {
                if settings.is_given(key) {
                    let message = format!(
                        "`{key}` is about the deployment controller CODE_DEPLOY, not {controller}"
                    );
                    self.error(settings.place_of(key), message);
                }
            }
        }
        for (key, of) in [("canary", "CANARY"), ("linear", "LINEAR")] {
            if settings.is_given(key) && written != of {
                let message = format!("`{key}` is about the strategy {of}, not {written}");
                self.error(settings.place_of(key), message);
            }
        }
        if subject.controller == DeploymentController::CodeDeploy {
            return self.code_deploy(subject, settings, balancer);
        }
        if written == "ROLLING" {
            return DeploymentStrategy::Rolling;
        }
        if balancer.is_none() {
            let message = format!(
                "the strategy {written} needs a `load_balancer`: without one there is no traffic to shift"
            );
            self.error(settings.value_place("strategy"), message);
        }
        if subject.is_daemon() {
            let message = format!("the strategy {written} is not supported with DAEMON");
            self.error(settings.value_place("strategy"), message);
        }
        match written {
            "CANARY" => self.canary(settings),
            "LINEAR" => self.linear(settings),
            _ => DeploymentStrategy::BlueGreen,
        }
    }

    fn canary(&mut self, settings: &Settings) -> DeploymentStrategy {
        let table = settings.table("canary");
        let percent = table.map_or(Permille(50), |table| self.tenths(table, "percent"));
        let bake = table.and_then(|table| table.span("bake_time"));
        DeploymentStrategy::Canary { percent, bake: bake.unwrap_or(SimSpan::from_secs(600)) }
    }

    fn linear(&mut self, settings: &Settings) -> DeploymentStrategy {
        let table = settings.table("linear");
        let percent = table.map_or(Permille(100), |table| self.tenths(table, "step_percent"));
        let bake = table.and_then(|table| table.span("step_bake_time"));
        DeploymentStrategy::Linear { percent, bake: bake.unwrap_or(SimSpan::from_secs(360)) }
    }

    /// A percent to a tenth, as the API takes shares of traffic and scales of task sets.
    pub(super) fn tenths(&mut self, settings: &Settings, key: &str) -> Permille {
        let tenths = settings.number(key).unwrap_or_default() * 10.0;
        if (tenths - tenths.round()).abs() > 1e-6 {
            let message = format!("`{key}` has at most one decimal");
            self.error(settings.value_place(key), message);
        }
        Permille(tenths.round() as u16)
    }

    /// CodeDeploy's configuration (CodeDeploy user guide, "Predefined deployment configurations"; documented).
    fn code_deploy(
        &mut self,
        subject: &Subject<'_>,
        settings: &Settings,
        balancer: Option<&LoadBalancer>,
    ) -> DeploymentStrategy {
        let name = settings.text("code_deploy").unwrap_or("CodeDeployDefault.ECSAllAtOnce");
        let network = balancer.is_some_and(|balancer| balancer.kind == BalancerKind::Network);
        if balancer.is_none() {
            let message = "the deployment controller CODE_DEPLOY needs a `load_balancer`";
            self.error(subject.settings.value_place("deployment_controller"), message);
        }
        let minutes = |minutes: u64| SimSpan::from_secs(minutes * 60);
        let percent = Permille(100);
        let strategy = match name.trim_start_matches("CodeDeployDefault.ECS") {
            "Linear10PercentEvery1Minutes" => {
                DeploymentStrategy::Linear { percent, bake: minutes(1) }
            }
            "Linear10PercentEvery3Minutes" => {
                DeploymentStrategy::Linear { percent, bake: minutes(3) }
            }
            "Canary10Percent5Minutes" => DeploymentStrategy::Canary { percent, bake: minutes(5) },
            "Canary10Percent15Minutes" => DeploymentStrategy::Canary { percent, bake: minutes(15) },
            _ => DeploymentStrategy::BlueGreen,
        };
        if network && strategy != DeploymentStrategy::BlueGreen {
            let message = "with a Network Load Balancer CodeDeploy shifts all at once only";
            let help = "write code_deploy = \"CodeDeployDefault.ECSAllAtOnce\"";
            self.error_with_help(settings.value_place("code_deploy"), message, help);
        }
        strategy
    }

    fn check_rolling_only(&mut self, settings: &Settings, rolling: bool) {
        for (key, what) in [
            ("deployment_circuit_breaker", "the deployment circuit breaker"),
            ("early_success_criteria", "early success"),
        ] {
            let is_on = settings.table(key).is_some_and(|table| table.flag("enable"));
            if is_on && !rolling {
                let message =
                    format!("{what} is for rolling deployments of the controller ECS only");
                self.error(settings.place_of(key), message);
            }
        }
    }

    fn circuit_breaker(&mut self, settings: &Settings) -> Option<CircuitBreaker> {
        let table = settings.table("deployment_circuit_breaker").filter(|t| t.flag("enable"))?;
        let mut threshold = BreakerThreshold::default();
        if let Some(inner) = table.table("threshold") {
            let value = inner.whole32("value").unwrap_or(50);
            threshold = match inner.text("type") {
                Some("COUNT") => BreakerThreshold::Count(value),
                Some("UNBOUNDED_PERCENT") => BreakerThreshold::UnboundedPercent(value),
                _ => BreakerThreshold::BoundedPercent(value),
            };
            if value > 100 && !matches!(threshold, BreakerThreshold::Count(_)) {
                let message = format!("`value` {value} is no percent from 1 to 100");
                let help = "write type = \"COUNT\" for a number of tasks";
                self.error_with_help(inner.value_place("value"), message, help);
            }
        }
        Some(CircuitBreaker {
            rollback: table.flag("rollback"),
            threshold,
            reset_on_healthy_task: table.flag("reset_on_healthy_task"),
        })
    }

    fn deployment_alarms(&mut self, settings: &Settings) -> Option<DeploymentAlarms> {
        let table = settings.table("alarms")?;
        let mut alarms = Vec::new();
        for alarm in table.tables("alarm") {
            let periods = alarm.whole32("evaluation_periods").unwrap_or(1);
            let points = alarm.whole32("datapoints_to_alarm").unwrap_or(periods);
            self.check_points(alarm, points, periods);
            let metric = alarm.text("metric");
            let metric = DeploymentMetric::ALL.iter().find(|(_, name)| Some(*name) == metric);
            let (Some(name), Some(&(metric, _)), Some(threshold)) =
                (alarm.text("name"), metric, alarm.number("threshold"))
            else {
                continue;
            };
            alarms.push(DeploymentAlarm {
                name: name.to_string(),
                metric,
                threshold_micro: (threshold * 1e6).round() as u64,
                evaluation_periods: periods,
                datapoints_to_alarm: points,
            });
        }
        if alarms.is_empty() && table.list("alarm").is_empty() && table.item("alarm").is_some() {
            self.error(table.value_place("alarm"), "`alarms` needs at least one `alarm`");
        }
        if alarms.len() > MOST_ALARMS {
            let message = format!("{} alarms; {MOST_ALARMS} at most", alarms.len());
            self.error(table.value_place("alarm"), message);
        }
        let rollback = table.flag("rollback");
        table.flag("enable").then_some(DeploymentAlarms { rollback, alarms })
    }

    /// M of N needs M ≤ N.
    pub(super) fn check_points(&mut self, alarm: &Settings, points: u32, periods: u32) {
        if points > periods {
            let message =
                format!("`datapoints_to_alarm` {points} is above `evaluation_periods` {periods}");
            self.error(alarm.value_place("datapoints_to_alarm"), message);
        }
    }

    fn early_success(&mut self, settings: &Settings, minimum: u32) -> Option<EarlySuccess> {
        let table = settings.table("early_success_criteria").filter(|t| t.flag("enable"))?;
        let healthy_percent = table.whole32("healthy_percent")?;
        if healthy_percent < minimum {
            let message = format!(
                "`healthy_percent` {healthy_percent} is below `minimum_healthy_percent` {minimum}"
            );
            self.error(table.value_place("healthy_percent"), message);
        }
        let old_tasks_block = table.text("old_tasks") != Some("DEFERRED");
        Some(EarlySuccess { healthy_percent, old_tasks_block })
    }

    fn hooks(&mut self, settings: &Settings, refused: bool) -> Vec<Hook> {
        if refused && !settings.list("lifecycle_hook").is_empty() {
            let message = "lifecycle hooks need one of the strategies BLUE_GREEN, CANARY, LINEAR of the controller ECS";
            self.error(settings.place_of("lifecycle_hook"), message);
        }
        let mut hooks = Vec::new();
        for hook in settings.tables("lifecycle_hook") {
            let pause = hook.text("type") == Some("PAUSE");
            let (other, keys) = match pause {
                true => ("LAMBDA", ["takes", "result"]),
                false => ("PAUSE", ["resumed_after", "timeout"]),
            };
            for key in keys.into_iter().filter(|key| hook.is_given(key)) {
                self.error(hook.place_of(key), format!("`{key}` is about hooks of type {other}"));
            }
            let action = hook_action(hook, pause);
            for (name, place) in hook.texts("lifecycle_stages") {
                let Some(stage) = Stage::ALL.into_iter().find(|s| s.api_name() == name) else {
                    continue;
                };
                let takes = if pause { stage.takes_pause() } else { stage.takes_lambda() };
                if !takes {
                    let kind = if pause { "PAUSE" } else { "LAMBDA" };
                    self.error(place, format!("the stage {name} takes no hook of type {kind}"));
                }
                hooks.push(Hook { stage, action });
            }
        }
        hooks
    }
}

fn hook_action(hook: &Settings, pause: bool) -> HookAction {
    if pause {
        return HookAction::Pause {
            resumed_after: hook.span("resumed_after"),
            timeout: hook.span("timeout").unwrap_or(PAUSE_TIMEOUT),
        };
    }
    HookAction::Lambda {
        takes: hook.span("takes").unwrap_or(LAMBDA_TAKES),
        succeeds: hook.text("result") != Some("FAILED"),
    }
}
