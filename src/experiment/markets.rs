//! Traces of Spot markets: opened, laid on the groups that buy there, every record accounted for.

use crate::base::money::HourlyRate;
use crate::base::time::SimTime;
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::ids::ProviderId;
use crate::model::spot::PriceHistory;
use crate::model::workload::OnRowError;
use crate::scenario::Scenario;
use crate::scenario::diagnostic::quoted;
use crate::scenario::market::{MarketFile, MarketTrace};
use crate::sim::setup::{Price, Setup};
use crate::trace::AFTER_END;
use crate::trace::capacity::Reading;
use crate::trace::capacity::availability::{self, Polarity};
use crate::trace::capacity::spot_price::{self, Options};
use std::collections::BTreeMap;

/// What the histories so far say of each market of a provider, in order of time: several files may tell of one.
type Known = BTreeMap<(ProviderId, String, String), Vec<(SimTime, HourlyRate)>>;

/// A record of a market in which nobody buys.
const OTHER_MARKET: &str = "nobody buys in this market";
/// A record that another history of the provider has told for the same instant.
const TOLD_ALREADY: &str = "another history says the price of this instant";
/// A price that is known later than it is needed.
const HOLDS_BEFORE: &str = "the first price of a market also holds before it";

/// Opens the traces of a scenario and puts what they say into the setup.
///
/// # Errors
/// A trace that cannot be opened, or a market of which it says no price.
pub(super) fn open(scenario: &Scenario, setup: &mut Setup) -> Result<Vec<RowCounts>, TraceProblem> {
    let mut rows = Vec::new();
    let mut known = Known::new();
    for trace in &scenario.markets {
        rows.push(match (&trace.file, trace.provider) {
            (MarketFile::Prices { .. }, None) => continue, // Fargate's are no market
            (MarketFile::Prices { start, instance_type }, Some(provider)) => {
                let options = Options {
                    reading: Reading { start: *start, on_error: OnRowError::Fail },
                    instance_type: instance_type.clone(),
                    zone: None,
                };
                let history = spot_price::open(&trace.path, &trace.display, &options)?;
                lay_prices(setup, provider, history, &mut known)
            }
            (MarketFile::Availability { limit, is_available, gap }, provider) => {
                let polarity =
                    if *is_available { Polarity::Available } else { Polarity::Unavailable };
                let how = (polarity, *gap);
                let found = availability::open(&trace.path, &trace.display, how, OnRowError::Fail)?;
                lay_limit(setup, provider, *limit, &found)
            }
        });
    }
    match missing(scenario, setup, &known) {
        Some(problem) => Err(problem),
        None => Ok(rows),
    }
}

/// The price of a market holds for the first known instant on; of what is bought there.
fn lay_prices(
    setup: &mut Setup,
    provider: ProviderId,
    history: PriceHistory,
    known: &mut Known,
) -> RowCounts {
    let horizon = setup.horizon.unwrap_or(SimTime::NEVER);
    let mut counts = history.counts.clone();
    let mut unused = |reason: &str, rows: u64| {
        if rows > 0 {
            counts.used = counts.used.saturating_sub(rows);
            *counts.skipped.entry(reason.into()).or_default() += rows;
        }
    };
    let mut held = 0;
    for (index, market) in history.markets.iter().enumerate() {
        let all = history.changes.iter().filter(|change| change.market == index);
        let steps: Vec<(SimTime, HourlyRate)> = all.map(|c| (c.at, c.price)).collect();
        let late = steps.iter().filter(|&&(at, _)| at >= horizon).count();
        let zones: Vec<String> =
            setup.zones.iter().filter(|z| is_in(z, &market.zone)).cloned().collect();
        let (mut is_used, mut twice) = (false, 0);
        for zone in zones {
            let key = (provider, zone, market.instance_type.clone());
            let (all, again) = merged(known.get(&key), &steps);
            let price = Price::Steps(from_the_beginning(&all).into());
            if lay_price(setup, provider, (&key.1, &key.2), &price) {
                let was_held = known.get(&key).and_then(|old| old.first());
                let is_held = |first: &(SimTime, HourlyRate)| first.0 > SimTime::ZERO;
                held += u64::from(was_held.is_none() && all.first().is_some_and(is_held));
                known.insert(key, all);
                (is_used, twice) = (true, again);
            }
        }
        unused(TOLD_ALREADY, twice);
        match is_used {
            true => unused(AFTER_END, late as u64),
            false => unused(OTHER_MARKET, steps.len() as u64),
        }
    }
    if held > 0 {
        counts.adjusted.insert(HOLDS_BEFORE.into(), held);
    }
    counts
}

/// What two histories say together, in order of time; of an instant that both know the first one's word, and how many
/// such there are.
fn merged(
    old: Option<&Vec<(SimTime, HourlyRate)>>,
    new: &[(SimTime, HourlyRate)],
) -> (Vec<(SimTime, HourlyRate)>, u64) {
    let Some(old) = old else { return (new.to_vec(), 0) };
    let is_new =
        |step: &&(SimTime, HourlyRate)| old.binary_search_by_key(&step.0, |known| known.0).is_err();
    let mut all = old.clone();
    all.extend(new.iter().filter(is_new));
    let twice = (old.len() + new.len() - all.len()) as u64;
    all.sort_by_key(|step| step.0);
    (all, twice)
}

/// The first price also holds before it.
fn from_the_beginning(steps: &[(SimTime, HourlyRate)]) -> Vec<(SimTime, HourlyRate)> {
    let mut steps = steps.to_vec();
    if let Some(first) = steps.first_mut() {
        first.0 = SimTime::ZERO;
    }
    steps
}

/// Whether a zone is one that a market's name means: itself, or one of the region that stands for all of them.
fn is_in(zone: &str, market: &str) -> bool {
    zone == market || zone.strip_prefix(market).is_some_and(|letter| letter.len() == 1)
}

/// Says whether anybody buys there.
fn lay_price(
    setup: &mut Setup,
    provider: ProviderId,
    (zone, instance_type): (&str, &str),
    price: &Price,
) -> bool {
    let mut is_used = false;
    let zones = &setup.zones;
    let is_it = |of: &crate::model::fleet::Registration| {
        of.provider == provider && zones[of.zone] == zone && of.instance_type == instance_type
    };
    for instance in setup.instances.iter_mut().filter(|one| is_it(&one.registration)) {
        instance.price = price.clone();
        is_used = true;
    }
    for group in setup.groups.iter_mut().filter(|group| group.provider == provider) {
        for (index, offer) in group.offers.iter_mut().enumerate() {
            if !is_it(&offer.registration) {
                continue;
            }
            is_used = true;
            match &mut group.mixed {
                Some(mixed) => mixed.pools[index].price = price.clone(),
                None => offer.price = price.clone(),
            }
        }
    }
    is_used
}

fn lay_limit(
    setup: &mut Setup,
    provider: Option<ProviderId>,
    limit: usize,
    found: &crate::model::spot::AvailabilityTrace,
) -> RowCounts {
    let mut counts = found.counts.clone();
    if let Some(horizon) = setup.horizon.filter(|horizon| *horizon < found.end) {
        let gap = found.end.0.checked_div(counts.read).unwrap_or(0).max(1);
        let within = horizon.0.div_ceil(gap).min(counts.used);
        let late = counts.used - within;
        counts.used = within;
        *counts.skipped.entry(AFTER_END.into()).or_default() += late;
    }
    if provider.is_none()
        && let Some(own) = setup.fargate.risks.limits.get_mut(limit)
    {
        own.changes = found.changes.clone();
    }
    for group in setup.groups.iter_mut().filter(|group| Some(group.provider) == provider) {
        let limits = group.mixed.as_mut().map(|mixed| &mut mixed.interruption.limits);
        if let Some(own) = limits.and_then(|limits| limits.get_mut(limit)) {
            own.changes = found.changes.clone();
        }
    }
    counts
}

/// A market in which somebody buys, and of which no history says a price.
fn missing(scenario: &Scenario, setup: &Setup, known: &Known) -> Option<TraceProblem> {
    let is_of_prices = |trace: &&MarketTrace| matches!(trace.file, MarketFile::Prices { .. });
    for trace in scenario.markets.iter().filter(is_of_prices) {
        let Some(provider) = trace.provider else { continue };
        let instances = setup.instances.iter();
        let offers = setup.groups.iter().flat_map(|group| &group.offers);
        for one in instances.chain(offers).map(|one| &one.registration) {
            let zone = setup.zones[one.zone].clone();
            let key = (provider, zone.clone(), one.instance_type.clone());
            if one.provider == provider && !known.contains_key(&key) {
                let kind = quoted(&one.instance_type);
                return Some(TraceProblem(format!(
                    "{}: no price of {kind} in {zone} in the histories of this capacity provider",
                    trace.display
                )));
            }
        }
    }
    None
}
