//! Changes to a service during the run, its revisions, and the task sets of the controller EXTERNAL.

use super::Build;
use super::service::Subject;
use super::service_changes::{OF_SETTINGS, Present};
use crate::base::time::SimTime;
use crate::model::ids::{ClusterId, DefinitionId};
use crate::model::service::{Change, DeploymentController, LoadBalancer, Permille, ServiceUpdate};
use crate::policy::query::Expression;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::settings::Settings;
use crate::scenario::tree::Place;
use crate::sim::setup::{Launch, RevisionSetup};
use std::collections::BTreeMap;

/// Keys of an update that make a new deployment.
const DEPLOYING: [&str; 4] =
    ["task_definition", "behaviour", "capacity_provider_strategy", "force_new_deployment"];
/// Keys of an update that are about task sets.
const OF_TASK_SETS: [&str; 4] =
    ["create_task_set", "update_task_set", "primary_task_set", "delete_task_set"];
/// The task set that a service with the controller EXTERNAL has unless it says otherwise.
const ONLY_TASK_SET: &str = "primary";

/// What becomes of a service, as far as the reading has come.
pub(super) struct History<'a, 's> {
    pub subject: &'a Subject<'s>,
    /// Settings that updates change.
    pub settings: Present,
    pub kept: Kept<'a>,
    /// Where tasks go: at the start, and after updates.
    pub launches: Vec<Launch>,
    pub revisions: Vec<RevisionSetup>,
    pub updates: Vec<ServiceUpdate>,
    pub task_sets: Vec<(String, usize, Permille)>,
    /// Revision of the latest deployment.
    present: usize,
    /// Task sets that exist.
    sets: BTreeMap<String, Place>,
}

/// What the first deployment says, and what no update changes.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    pub definition: DefinitionId,
    pub cluster: ClusterId,
    pub member_of: &'a [Expression],
}

impl Build<'_> {
    /// Revisions, changes and task sets of a service.
    pub(super) fn history<'a, 's>(
        &mut self,
        subject: &'a Subject<'s>,
        kept: Kept<'a>,
        balancer: Option<&LoadBalancer>,
    ) -> History<'a, 's> {
        let behaviour = super::service::behaviour(subject.settings, None);
        let first = self.revision((0, &subject.launch), kept.definition, behaviour);
        let mut history = History {
            subject,
            settings: Present::of(subject, balancer),
            kept,
            launches: vec![subject.launch.clone()],
            revisions: vec![first],
            updates: Vec::new(),
            task_sets: Vec::new(),
            present: 0,
            sets: BTreeMap::new(),
        };
        self.read_task_sets(&mut history);
        let mut updates: Vec<&Settings> = subject.settings.tables("update").collect();
        updates.sort_by_key(|update| update.span("at"));
        for update in updates {
            self.read_update(&mut history, update);
        }
        history
    }

    fn read_task_sets(&mut self, history: &mut History<'_, '_>) {
        let settings = history.subject.settings;
        let external = history.subject.controller == DeploymentController::External;
        if !external {
            if settings.is_given("task_set") {
                let message = "task sets are about the deployment controller EXTERNAL";
                self.error(settings.place_of("task_set"), message);
            }
            return;
        }
        for table in settings.tables("task_set") {
            if let Some(set) = self.task_set(history, table) {
                history.task_sets.push(set);
            }
        }
        if settings.list("task_set").is_empty() {
            history.sets.insert(ONLY_TASK_SET.to_string(), settings.place);
            history.task_sets.push((ONLY_TASK_SET.to_string(), 0, Permille::ALL));
        }
    }

    /// A new task set: its name, revision and scale.
    fn task_set(
        &mut self,
        history: &mut History<'_, '_>,
        table: &Settings,
    ) -> Option<(String, usize, Permille)> {
        let name = table.text("name").map(str::to_string);
        let scale = self.tenths(table, "scale_percent");
        let revision = self.new_revision(history, table, 0);
        let name = name?;
        let place = table.value_place("name");
        self.take_name(&mut history.sets, &name, place, "task set");
        Some((name, revision?, scale))
    }

    /// The revision that a table makes of the one before it; that one where the table is about neither what tasks are nor
    /// where they go.
    fn new_revision(
        &mut self,
        history: &mut History<'_, '_>,
        table: &Settings,
        before: usize,
    ) -> Option<usize> {
        let (definition, old_launch) =
            (history.revisions[before].definition, history.revisions[before].launch);
        let number = self.next_launch(history, table, old_launch)?;
        let is_other = table.is_given("task_definition") || table.is_given("behaviour");
        if !is_other && number == old_launch {
            return Some(before);
        }
        let subject = history.subject;
        let launch = history.launches[number].clone();
        let definition = match table.is_given("task_definition") {
            true => self.service_definition(subject, &launch, table)?,
            false => definition,
        };
        self.check_launch(history, (table, number), definition);
        let behaviour = match is_other {
            true => super::service::behaviour(subject.settings, table.table("behaviour")),
            false => history.revisions[before].behaviour.clone(),
        };
        history.revisions.push(self.revision((number, &launch), definition, behaviour));
        Some(history.revisions.len() - 1)
    }

    fn read_update(&mut self, history: &mut History<'_, '_>, update: &Settings) {
        let external = history.subject.controller == DeploymentController::External;
        let controller = history.subject.settings.text("deployment_controller").unwrap_or("ECS");
        let refused: &[&str] = if external { &DEPLOYING } else { &OF_TASK_SETS };
        for key in refused.iter().filter(|key| update.is_given(key)) {
            let message = format!("`{key}` is not for the deployment controller {controller}");
            let help = match external {
                true => "use `create_task_set`",
                false => "use `task_definition`, `behaviour` or `force_new_deployment`",
            };
            self.error_with_help(update.place_of(key), message, help);
        }
        let others = OF_SETTINGS.iter().chain(&["desired_count", "stop_deployment"]);
        let meant = DEPLOYING.iter().chain(&OF_TASK_SETS).chain(others);
        if !meant.into_iter().any(|key| update.is_given(key)) {
            let message = "the update changes nothing";
            let help =
                "give it `task_definition`, `behaviour`, `force_new_deployment` or `desired_count`";
            self.error_with_help(update.place, message, help);
        }
        let mut changes = self.settings_of(history, update);
        if let Some(count) = update.whole32("desired_count") {
            let place = update.value_place("desired_count");
            if history.subject.is_daemon() {
                self.error(place, "a DAEMON service takes no `desired_count`");
            }
            self.check_tasks(u64::from(count), place);
            changes.push(Change::DesiredCount(count));
        }
        if let Some(how) = update.text("stop_deployment") {
            self.check_stop(history, update, how);
            changes.push(Change::StopDeployment { rolls_back: how == "ROLLBACK" });
        }
        if external {
            self.task_set_changes(history, update, &mut changes);
        } else {
            changes.extend(self.deployment_of(history, update));
        }
        let Some(at) = update.span("at") else { return };
        let at = SimTime(at.0);
        history.updates.extend(changes.into_iter().map(|change| ServiceUpdate { at, change }));
    }

    /// Whether a deployment can be stopped so, and by this update.
    fn check_stop(&mut self, history: &History<'_, '_>, update: &Settings, how: &str) {
        let subject = history.subject;
        let place = update.value_place("stop_deployment");
        let strategy = history.settings.strategy();
        if subject.controller != DeploymentController::Ecs {
            self.error(place, "StopServiceDeployment is for the deployment controller ECS");
        } else if how == "ABORT" && strategy != "ROLLING" {
            let message = format!("the strategy {strategy} can be stopped by \"ROLLBACK\" only");
            self.error(place, message);
        }
        if let Some(key) = DEPLOYING.iter().find(|key| update.is_given(key)) {
            let message = format!("`{key}` begins a deployment, `stop_deployment` ends one");
            self.error_with_help(place, message, "use two updates");
        }
    }

    /// The deployment that an update makes.
    fn deployment_of(
        &mut self,
        history: &mut History<'_, '_>,
        update: &Settings,
    ) -> Option<Change> {
        if !DEPLOYING[..3].iter().any(|key| update.is_given(key))
            && !update.flag("force_new_deployment")
        {
            return None;
        }
        self.check_forced(update);
        history.present = self.new_revision(history, update, history.present)?;
        Some(Change::Deploy { revision: history.present })
    }

    fn task_set_changes(
        &mut self,
        history: &mut History<'_, '_>,
        update: &Settings,
        changes: &mut Vec<Change>,
    ) {
        if let Some(table) = update.table("create_task_set")
            && let Some((name, revision, scale)) = self.task_set(history, table)
        {
            changes.push(Change::CreateTaskSet { name, revision, scale });
        }
        if let Some(table) = update.table("update_task_set") {
            let scale = self.tenths(table, "scale_percent");
            if let Some(name) = self.known_task_set(history, table, "name") {
                changes.push(Change::ScaleTaskSet { name, scale });
            }
        }
        if let Some(name) = self.known_task_set(history, update, "primary_task_set") {
            changes.push(Change::PrimaryTaskSet { name });
        }
        if let Some(name) = self.known_task_set(history, update, "delete_task_set") {
            history.sets.remove(&name);
            changes.push(Change::DeleteTaskSet { name });
        }
    }

    /// The task set that a key names, where it exists at that time.
    fn known_task_set(
        &mut self,
        history: &History<'_, '_>,
        settings: &Settings,
        key: &str,
    ) -> Option<String> {
        let name = settings.text(key)?;
        if history.sets.contains_key(name) {
            return Some(name.to_string());
        }
        let message = format!("there is no task set {} at that time", quoted(name));
        let help = suggestion(name, history.sets.keys().map(String::as_str));
        self.error_with_help(settings.value_place(key), message, help);
        None
    }
}
