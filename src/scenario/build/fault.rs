//! What goes wrong with instances: whom it strikes, when, for how long, and who does what about it.

use super::Build;
use super::external::NOWHERE;
use crate::base::distribution::Distribution;
use crate::base::time::SimTime;
use crate::model::fault::{Fault, FaultKind, Reaction, Trigger, Victims};
use crate::model::ids::{ProviderId, ZoneId};
use crate::model::outage::{OutageFormat, OutageTrace};
use crate::scenario::MachineTrace;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::settings::Settings;

/// Keys of failures of services.
const OF_SERVICES: [&str; 6] =
    ["service", "tasks", "duration", "latency", "error_percent", "health_checks"];
/// Keys of failures of instances.
const OF_INSTANCES: [&str; 11] = [
    "percent",
    "availability_zone",
    "capacity_provider",
    "instance",
    "instances",
    "time_to_failure",
    "failures_per_year",
    "repair",
    "reaction",
    "found_after",
    "agent_noticed_after",
];
/// All of these.
pub(super) const KEYS: [&[&str]; 2] = [&OF_SERVICES, &OF_INSTANCES];
/// Keys of traces of machines.
const OF_MACHINES: [&str; 5] =
    ["start", "capacity_provider", "reaction", "found_after", "agent_noticed_after"];
const SECONDS_OF_YEAR: f64 = 365.0 * 86_400.0;
/// Until somebody reacts to an instance that has failed (assumed).
const FOUND_AFTER: Distribution = Distribution::Uniform { min: 60.0, max: 180.0 };
/// Until ECS places nothing where it hears no agent (assumed).
const NOTICED_AFTER: Distribution = Distribution::Uniform { min: 60.0, max: 120.0 };

/// Whether a failure is one of instances.
pub(super) fn is_of_instances(settings: &Settings) -> bool {
    kind_of(settings).is_some()
}

fn kind_of(settings: &Settings) -> Option<FaultKind> {
    match settings.text("kind")? {
        "instance" => Some(FaultKind::Failure),
        "agent_disconnect" => Some(FaultKind::AgentDisconnect),
        "impaired" => Some(FaultKind::Impaired),
        "az_outage" => Some(FaultKind::ZoneOutage),
        "never_registers" => Some(FaultKind::NeverRegisters),
        _ => None,
    }
}

impl Build<'_> {
    /// A failure of a service says which and when, and nothing of instances.
    pub(super) fn check_of_service(&mut self, settings: &Settings) {
        let kind = settings.text("kind").unwrap_or("task_crash");
        for key in ["at", "service"].into_iter().filter(|key| !settings.is_given(key)) {
            self.error(settings.place, format!("a failure of kind {kind:?} needs `{key}`"));
        }
        for key in OF_INSTANCES.into_iter().filter(|key| settings.is_given(key)) {
            let message = format!("`{key}` is about instances; the kind is {kind:?}");
            let help = "kinds of instances are \"instance\", \"agent_disconnect\", \"impaired\", \
                        \"az_outage\", \"never_registers\"";
            self.error_with_help(settings.place_of(key), message, help);
        }
    }

    /// What goes wrong with instances, in the order of the scenario.
    pub(super) fn faults(&mut self, root: &Settings) -> Vec<Fault> {
        let all: Vec<&Settings> = root.tables("failure").collect();
        all.into_iter().filter_map(|settings| self.fault(settings)).collect()
    }

    fn fault(&mut self, settings: &Settings) -> Option<Fault> {
        let kind = kind_of(settings)?;
        let is_zone = kind == FaultKind::ZoneOutage;
        let of_services = OF_SERVICES.into_iter().filter(|key| !(is_zone && *key == "duration"));
        for key in of_services.filter(|key| settings.is_given(key)) {
            let message = format!("`{key}` is about services; the kind is {:?}", kind.name());
            self.error(settings.place_of(key), message);
        }
        let (victims, lasts) = if is_zone {
            (self.zone_that_is_out(settings), Some(self.length_of_outage(settings)?))
        } else {
            if settings.is_given("availability_zone") {
                let message = "`availability_zone` is about the kind \"az_outage\"";
                self.error(settings.place_of("availability_zone"), message);
            }
            (self.victims(settings), settings.distribution("repair").cloned())
        };
        let trigger = self.trigger(settings);
        let reaction = match (settings.text("reaction"), kind) {
            (Some("terminate"), _) => Reaction::Terminate,
            (Some("drain"), _) => Reaction::Drain,
            (Some(_), _) => Reaction::Nothing,
            (None, kind) if kind.makes_impaired() => Reaction::ByOwner,
            (None, _) => Reaction::Terminate,
        };
        let [may_be_left, may_be_found] = self.who_reacts(kind, reaction, victims.as_ref());
        if may_be_left && lasts.is_none() && !self.has_duration {
            let message = "an instance that nobody ends and that is never well again needs a run that ends: \
                           `[simulation] duration`";
            self.error(settings.place, message);
        }
        self.check_timing(settings, kind, (reaction, may_be_found));
        if let Some(victims) = &victims {
            self.check_drain(settings, reaction, victims);
        }
        let found = match kind {
            FaultKind::AgentDisconnect => Distribution::Constant(300.0),
            FaultKind::NeverRegisters => Distribution::Constant(900.0), // assumed; unpublished
            _ => FOUND_AFTER,
        };
        Some(Fault {
            kind,
            trigger: trigger?,
            victims: victims?,
            lasts,
            found_after: given_or(settings, "found_after", found),
            reaction,
            silent_after: given_or(settings, "agent_noticed_after", NOTICED_AFTER),
        })
    }

    /// Whether some victims may be left as they are, and whether some may be found.
    fn who_reacts(
        &self,
        kind: FaultKind,
        reaction: Reaction,
        victims: Option<&Victims>,
    ) -> [bool; 2] {
        if reaction != Reaction::ByOwner {
            let is_nothing = reaction == Reaction::Nothing;
            return [is_nothing, !is_nothing];
        }
        let is_victim = |provider: ProviderId| match victims {
            Some(Victims::Random(of, _)) => of.is_none_or(|of| of == provider),
            Some(Victims::Named(name)) => {
                let own = &self.providers[provider].name;
                name.strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('-'))
            }
            _ => true,
        };
        let repair = |provider: ProviderId| {
            let group = self.groups.iter().find(|group| group.provider == provider);
            group.and_then(|group| group.instances.as_ref()).map(|of| of.repair.is_on)
        };
        let is_terminated = kind != FaultKind::AgentDisconnect;
        let mut may = [false; 2];
        for repair in self.providers.ids().filter(|id| is_victim(*id)).map(repair) {
            may[0] |= !repair.unwrap_or(is_terminated);
            may[1] |= repair.is_some() || is_terminated; // it is reported at least
        }
        may
    }

    /// Only a group drains: an instance of a fixed fleet is terminated whatever the reaction.
    fn check_drain(&mut self, settings: &Settings, reaction: Reaction, victims: &Victims) {
        if reaction != Reaction::Drain {
            return;
        }
        let is_fixed = |id: ProviderId| self.groups.iter().all(|group| group.provider != id);
        let mut ones = self.instances.iter().map(|one| &one.registration);
        let (all, some) = match victims {
            Victims::Random(Some(provider), _) => (is_fixed(*provider), false),
            Victims::Named(name) => {
                let named = ones.find(|one| one.name == *name);
                (named.is_some_and(|one| is_fixed(one.provider)), false)
            }
            _ => (self.groups.is_empty(), ones.any(|one| is_fixed(one.provider))),
        };
        if all {
            let message = "`reaction` \"drain\" is about Auto Scaling groups: this fleet is fixed";
            let help = "an instance of a fixed fleet is terminated: \"terminate\"";
            self.error_with_help(settings.value_place("reaction"), message, help);
        } else if some {
            let place = self.problems.describe(settings.value_place("reaction"));
            self.notes.push(format!(
                "{place}: instances of fixed fleets are terminated and not drained: only groups drain"
            ));
        }
    }

    /// Keys that would say nothing, as others are.
    fn check_timing(
        &mut self,
        settings: &Settings,
        kind: FaultKind,
        (reaction, may_be_found): (Reaction, bool),
    ) {
        if !may_be_found && settings.is_given("found_after") {
            let message = "`found_after` is until the reaction, and there is none";
            let help = "set `reaction` to \"terminate\" or \"drain\", or leave `found_after` out";
            self.error_with_help(settings.place_of("found_after"), message, help);
        }
        if !kind.is_silent() && settings.is_given("agent_noticed_after") {
            let message = format!(
                "`agent_noticed_after` is about agents that fall silent; the kind is {:?}",
                kind.name()
            );
            self.error(settings.place_of("agent_noticed_after"), message);
        }
        if kind == FaultKind::NeverRegisters && reaction == Reaction::Drain {
            let message = "an instance that never registers has nothing to drain";
            self.error(settings.value_place("reaction"), message);
        }
    }

    /// What a trace of failures says of machines; `None` where it is one of services.
    pub(super) fn machine_trace(&mut self, settings: &Settings) -> Option<MachineTrace> {
        let format = match settings.text("format")? {
            "outages" => OutageFormat::Native,
            "lanl" => OutageFormat::Lanl,
            "failure_trace_archive" => OutageFormat::FailureTraceArchive,
            _ => {
                for key in OF_MACHINES.into_iter().filter(|key| settings.is_given(key)) {
                    let message = format!("`{key}` is about machines; the format is \"native\"");
                    self.error(settings.place_of(key), message);
                }
                return None;
            }
        };
        let of = self.provider_of_instances(settings)?;
        let reaction = match settings.text("reaction") {
            Some("drain") => Reaction::Drain,
            Some("none") => Reaction::Nothing,
            _ => Reaction::Terminate,
        };
        let fault = Fault {
            kind: FaultKind::Failure,
            trigger: Trigger::Trace(OutageTrace::default()),
            victims: Victims::Random(of, 1),
            lasts: None,
            found_after: given_or(settings, "found_after", FOUND_AFTER),
            reaction,
            silent_after: given_or(settings, "agent_noticed_after", NOTICED_AFTER),
        };
        self.check_drain(settings, reaction, &fault.victims);
        Some(MachineTrace { format, start: self.start_of_trace(settings, format), fault })
    }

    fn start_of_trace(&mut self, settings: &Settings, format: OutageFormat) -> Option<i64> {
        let text = settings.text("start")?;
        if format == OutageFormat::Native {
            let message = "`start` is about calendars: \"outages\" counts from the beginning";
            self.error(settings.place_of("start"), message);
        }
        let Ok(instant) = text.parse::<jiff::Timestamp>() else {
            let message = format!("`start` {} is no RFC 3339 instant", quoted(text));
            let help = "write a date, a time and an offset, such as \"2004-01-01T00:00:00Z\"";
            self.error_with_help(settings.value_place("start"), message, help);
            return None;
        };
        Some(instant.as_microsecond())
    }

    /// Whom an outage of a zone strikes.
    fn zone_that_is_out(&mut self, settings: &Settings) -> Option<Victims> {
        let not_here = ["capacity_provider", "instance", "instances", "repair"];
        for key in not_here.into_iter().filter(|key| settings.is_given(key)) {
            let message = format!("`{key}` says nothing of a whole zone");
            self.error(settings.place_of(key), message);
        }
        if !settings.is_given("at") {
            self.error(settings.place, "an \"az_outage\" needs `at`");
        }
        let Some(name) = settings.text("availability_zone") else {
            self.error(settings.place, "an \"az_outage\" needs an `availability_zone`");
            return None;
        };
        self.known_zone(settings, name).map(Victims::Zone)
    }

    /// The zone of this name, which `availability_zone` gives.
    pub(super) fn known_zone(&mut self, settings: &Settings, name: &str) -> Option<ZoneId> {
        let found = self.zones.enumerate().find(|(_, known)| *known == name && name != NOWHERE);
        let zone = found.map(|(zone, _)| zone);
        if zone.is_none() {
            let message = format!("unknown availability zone {}", quoted(name));
            let zones = self.zones.iter().map(String::as_str).filter(|known| *known != NOWHERE);
            let help = suggestion(name, zones);
            self.error_with_help(settings.value_place("availability_zone"), message, help);
        }
        zone
    }

    fn length_of_outage(&mut self, settings: &Settings) -> Option<Distribution> {
        let Some(lasts) = settings.span("duration") else {
            self.error(settings.place, "an \"az_outage\" needs a `duration`");
            return None;
        };
        Some(Distribution::Constant(lasts.0 as f64 / 1e6))
    }

    fn victims(&mut self, settings: &Settings) -> Option<Victims> {
        let of = self.provider_of_instances(settings)?;
        let Some(name) = settings.text("instance") else {
            return Some(Victims::Random(of, settings.whole32("instances").unwrap_or(1)));
        };
        if settings.is_given("instances") || of.is_some() {
            let message =
                "`instance` says which one: `instances` and `capacity_provider` say nothing more";
            self.error(settings.value_place("instance"), message);
        }
        // Groups number their instances, those to come included.
        let group_of = name.rsplit_once('-').map(|(group, _)| group);
        let is_of_group = |name: &str| {
            let provider = self.provider_names.get(name).copied();
            provider.is_some_and(|id| self.groups.iter().any(|group| group.provider == id))
        };
        let known = || self.instances.iter().map(|i| i.registration.name.as_str());
        if !known().any(|known| known == name) && !group_of.is_some_and(is_of_group) {
            let message = format!("unknown instance {}", quoted(name));
            let help = suggestion(name, known().take(1_000));
            self.error_with_help(settings.value_place("instance"), message, help);
            return None;
        }
        Some(Victims::Named(name.to_string()))
    }

    /// The capacity provider that is named, if any; `None` where there is none of this name.
    pub(super) fn provider_of_instances(
        &mut self,
        settings: &Settings,
    ) -> Option<Option<ProviderId>> {
        let Some(name) = settings.text("capacity_provider") else { return Some(None) };
        if let Some(&provider) = self.provider_names.get(name) {
            return Some(Some(provider));
        }
        if super::is_lost(&self.declared[0], name) {
            return None;
        }
        let message = format!("unknown capacity provider {}", quoted(name));
        let known: Vec<String> =
            self.providers.iter().map(|provider| provider.name.clone()).collect();
        let help = suggestion(name, known.iter().map(String::as_str));
        self.error_with_help(settings.value_place("capacity_provider"), message, help);
        None
    }

    /// Of how many launches nothing comes.
    fn share_of_launches(&mut self, settings: &Settings) -> Option<Trigger> {
        let not_here =
            ["at", "instance", "instances", "time_to_failure", "failures_per_year", "repair"];
        for key in not_here.into_iter().filter(|key| settings.is_given(key)) {
            let message = format!("`{key}` says nothing of launches");
            self.error(settings.place_of(key), message);
        }
        if !settings.is_given("percent") {
            self.error(settings.place, "a \"never_registers\" needs a `percent`");
            return None;
        }
        Some(Trigger::Launch(super::service::ppm(settings, "percent")))
    }

    fn trigger(&mut self, settings: &Settings) -> Option<Trigger> {
        if kind_of(settings) == Some(FaultKind::NeverRegisters) {
            return self.share_of_launches(settings);
        }
        if settings.is_given("percent") {
            let message = "`percent` is about the kind \"never_registers\"";
            self.error(settings.place_of("percent"), message);
        }
        let ways = ["at", "time_to_failure", "failures_per_year"];
        if ways.into_iter().filter(|key| settings.is_given(key)).count() != 1 {
            let message = "a failure of instances needs one of `at`, `time_to_failure` and `failures_per_year`";
            self.error(settings.place, message);
            return None;
        }
        if let Some(at) = settings.span("at") {
            return Some(Trigger::At(SimTime(at.0)));
        }
        if settings.is_given("instances") {
            let message =
                "`instances` is about failures at an instant: each instance has its own time here";
            self.error(settings.place_of("instances"), message);
        }
        if let Some(time) = settings.distribution("time_to_failure") {
            if time.mean() < 1.0 {
                let message = "`time_to_failure` has a mean below one second";
                self.error(settings.place_of("time_to_failure"), message);
                return None;
            }
            return Some(Trigger::Each(time.clone()));
        }
        let rate = settings.number("failures_per_year")?;
        Some(Trigger::Each(Distribution::Exponential { mean: SECONDS_OF_YEAR / rate }))
    }
}

fn given_or(settings: &Settings, key: &str, usual: Distribution) -> Distribution {
    settings.distribution(key).cloned().unwrap_or(usual)
}
