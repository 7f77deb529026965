//! Where the tasks of later deployments of a service go: UpdateService with another capacity provider strategy.

use super::Build;
use super::service_update::History;
use crate::model::ids::DefinitionId;
use crate::scenario::settings::Settings;
use crate::sim::setup::Launch;

const STRATEGY: &str = "capacity_provider_strategy";

/// Whether an update or a task set of the service has tasks on Fargate.
pub(super) fn moves_to_fargate(service: &Settings) -> bool {
    let updates = || service.tables("update");
    let created = updates().filter_map(|update| update.table("create_task_set"));
    let all = updates().chain(created).chain(service.tables("task_set"));
    all.flat_map(|table| table.tables(STRATEGY))
        .filter_map(|share| share.text("capacity_provider"))
        .any(|name| name == "FARGATE" || name == "FARGATE_SPOT")
}

impl Build<'_> {
    /// ECS changes a strategy only with a deployment that is forced (API's error; documented).
    pub(super) fn check_forced(&mut self, update: &Settings) {
        if update.is_given(STRATEGY) && !update.flag("force_new_deployment") {
            let message =
                "ECS refuses another capacity provider strategy without a forced deployment";
            let help = "add force_new_deployment = true";
            self.error_with_help(update.place_of(STRATEGY), message, help);
        }
    }

    /// The number of the launch that a table's strategy makes; the present one where it has none, `None` where it is
    /// refused.
    pub(super) fn next_launch(
        &mut self,
        history: &mut History<'_, '_>,
        table: &Settings,
        present: usize,
    ) -> Option<usize> {
        if !table.is_given(STRATEGY) {
            return Some(present);
        }
        let (subject, place) = (history.subject, table.value_place(STRATEGY));
        if subject.is_daemon() {
            let message = "a DAEMON service keeps to the instances that it has its tasks on";
            self.error(place, message);
            return None;
        }
        if super::external::is_external(subject.settings) {
            let message = "a service on external instances takes no capacity provider strategy";
            self.error(place, message);
            return None;
        }
        if table.list(STRATEGY).is_empty() {
            return self.first_launch_type(history, table);
        }
        let errors = self.problems.len();
        let shares = self.provider_shares(table, STRATEGY, history.kept.cluster);
        if self.problems.len() > errors {
            return None;
        }
        let is_same = |launch: &Launch| matches!(launch, Launch::Providers(of) if *of == shares);
        let known = history.launches.iter().position(is_same);
        Some(known.unwrap_or_else(|| {
            history.launches.push(Launch::Providers(shares));
            history.launches.len() - 1
        }))
    }

    /// An empty strategy: back to the launch type of CreateService (documented).
    fn first_launch_type(&mut self, history: &History<'_, '_>, table: &Settings) -> Option<usize> {
        if matches!(history.launches[0], Launch::Type(_)) {
            return Some(0);
        }
        let message = "the service began with a capacity provider strategy: it has no launch type to go back to";
        self.error(table.value_place(STRATEGY), message);
        None
    }

    /// What the capacity of a later deployment refuses of its tasks.
    pub(super) fn check_launch(
        &mut self,
        history: &History<'_, '_>,
        (table, number): (&Settings, usize),
        definition: DefinitionId,
    ) {
        let launch = &history.launches[number];
        let keys = [STRATEGY, "task_definition"];
        let Some(given) = keys.into_iter().find(|key| table.is_given(key)) else { return };
        let place = table.place_of(given);
        if self.is_fargate(launch) && !table.is_given("task_definition") {
            self.check_on_fargate(definition, launch, place);
        }
        let (settings, member_of) = (history.subject.settings, history.kept.member_of);
        self.check_managed_task(settings, (launch, place), Some(definition), member_of);
    }
}
