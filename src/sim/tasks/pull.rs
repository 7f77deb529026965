//! Pulls of images while their registry is slow or down.
//!
//! The agent tries five times: again 1.1, 2.2, 4.4 and 5 seconds after a failure (agent source, `maximumPullRetries`; up to
//! 20 % of jitter are left out). A registry that is down refuses at once, and breaks off what it is sending (assumed);
//! what has come by then is lost (assumed). Fargate does the same (assumed; it tells of five tries, too). The images of a
//! task are pulled one after the other, evenly mixed (assumed): a slow registry stretches the share that comes from it.
//! Where one image cannot be had, all are tried again, and the task fails without it (documented for any container).

use crate::base::time::{SimSpan, SimTime};
use crate::model::blackout::{Puller, RegistryOutage, WHOLE};
use crate::model::ids::SourceId;

/// From a failed try to the next one.
const AGAIN_AFTER: [SimSpan; 4] =
    [SimSpan(1_100_000), SimSpan(2_200_000), SimSpan(4_400_000), SimSpan(5_000_000)];
/// What ECS tells of a task that got no image (as Fargate words it).
pub const NO_IMAGE: &str =
    "CannotPullContainerError: pull image manifest has been retried 5 time(s)";

/// A task has met an outage of its registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Met {
    /// Which one.
    pub outage: usize,
    /// Who wanted the task.
    pub source: SourceId,
    /// Whether that has kept it from starting; else its pull will take longer, or fail later.
    pub has_failed: bool,
}

/// The registries of images, and when they fail.
#[derive(Default)]
pub struct Registries(Vec<RegistryOutage>);

/// What came of a pull.
#[derive(PartialEq, Eq, Debug, Default)]
pub struct Pull {
    /// When it came to its end, or when the last try had failed.
    pub end: SimTime,
    /// The outage by which the last try failed.
    pub failed_by: Option<usize>,
    /// All outages that it met, by number, in order.
    pub met: Vec<usize>,
}

impl Registries {
    /// With these outages.
    #[must_use]
    pub fn new(outages: Vec<RegistryOutage>) -> Registries {
        Registries(outages)
    }

    /// Whether all goes as usual, always.
    #[inline]
    #[must_use]
    pub fn are_sound(&self) -> bool {
        self.0.is_empty()
    }

    /// A pull that takes `span` where all is as usual; with no span the registry is only asked.
    #[must_use]
    pub fn pull(&self, who: Puller, now: SimTime, span: SimSpan) -> Pull {
        let mut pull = Pull::default();
        self.try_once(who, now, span, &mut pull);
        for after in AGAIN_AFTER {
            if pull.failed_by.is_none() {
                break;
            }
            self.try_once(who, pull.end + after, span, &mut pull);
        }
        pull.met.sort_unstable();
        pull.met.dedup();
        pull
    }

    /// Goes on until a try ends or is broken off.
    fn try_once(&self, who: Puller, from: SimTime, span: SimSpan, pull: &mut Pull) {
        let (mut at, mut left) = (from, span);
        pull.failed_by = None;
        loop {
            let mut now = self.0.iter().enumerate().filter(|(_, outage)| {
                outage.from <= at && at < outage.until && outage.concerns(who)
            });
            if let Some((down, _)) = now.clone().find(|(_, outage)| outage.time_percent.is_none()) {
                pull.met.push(down);
                (pull.end, pull.failed_by) = (at, Some(down));
                return;
            }
            let whole = u128::from(WHOLE);
            let time = now.clone().filter_map(|(_, outage)| outage.time_of(who)).max();
            let time = time.unwrap_or(whole);
            let needed = (u128::from(left.0) * time).div_ceil(whole);
            let next = self.changes_after(who, at);
            let room = u128::from(next.0 - at.0);
            if left > SimSpan::ZERO {
                now.by_ref().for_each(|(slow, _)| pull.met.push(slow));
            }
            if needed <= room {
                pull.end = at + SimSpan(u64::try_from(needed).unwrap_or(u64::MAX));
                return;
            }
            let done = u64::try_from(room * whole / time).unwrap_or(u64::MAX);
            (at, left) = (next, SimSpan(left.0.saturating_sub(done)));
        }
    }

    /// When the next outage begins or ends.
    fn changes_after(&self, who: Puller, at: SimTime) -> SimTime {
        let own = self.0.iter().filter(|outage| outage.concerns(who));
        let turns = own.flat_map(|outage| [outage.from, outage.until]);
        turns.filter(|turn| *turn > at).min().unwrap_or(SimTime::NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{DefinitionId, ProviderId, ZoneId};

    const WHO: Puller =
        Puller { definition: DefinitionId(0), provider: ProviderId(0), zone: ZoneId(0) };

    fn at(seconds: u64) -> SimTime {
        SimTime(seconds * 1_000_000)
    }

    fn outage(from: u64, until_ms: u64, time_percent: Option<u32>) -> RegistryOutage {
        RegistryOutage {
            what: String::new(),
            from: at(from),
            until: SimTime(until_ms * 1_000),
            time_percent,
            definitions: None,
            providers: None,
            zone: None,
        }
    }

    fn pull(outages: Vec<RegistryOutage>, from: u64, span: u64) -> Result<u64, u64> {
        let pull = Registries(outages).pull(WHO, at(from), SimSpan::from_secs(span));
        let millis = pull.end.0 / 1_000;
        if pull.failed_by.is_none() { Ok(millis) } else { Err(millis) }
    }

    #[test]
    fn a_slow_registry_stretches_what_lies_in_its_time() {
        let slow = |from, span| pull(vec![outage(100, 200_000, Some(500))], from, span);
        assert_eq!(slow(50, 50), Ok(100_000));
        assert_eq!(slow(100, 10), Ok(150_000));
        // Ten seconds before it; of the other 30 the 100 s hold 20; the last ten come after it.
        assert_eq!(slow(90, 40), Ok(210_000));
        assert_eq!(slow(200, 10), Ok(210_000));
    }

    #[test]
    fn a_registry_that_is_down_is_tried_five_times() {
        let down = |until, from| pull(vec![outage(100, until, None)], from, 10);
        // Tries at 100, 101.1, 103.3, 107.7 and 112.7 s.
        assert_eq!(down(500_000, 100), Err(112_700));
        assert_eq!(down(112_700, 100), Ok(122_700));
        assert_eq!(down(112_701, 100), Err(112_700));
        assert_eq!(down(101_000, 100), Ok(111_100));
        // A pull of 10 s that began at 95 s is broken off at 100 s.
        assert_eq!(down(101_000, 95), Ok(111_100));
        assert_eq!(down(101_000, 80), Ok(90_000));
    }

    #[test]
    fn the_worst_of_several_outages_at_once_counts() {
        let both = || vec![outage(100, 200_000, Some(200)), outage(150, 160_000, Some(1_000))];
        // 50 s at half the speed, 10 s at a tenth, 20 s at half: 25 + 1 + 10.
        assert_eq!(pull(both(), 100, 36), Ok(180_000));
        let with_down = [both(), vec![outage(155, 156_000, None)]].concat();
        // At 155 s it is broken off; again at 156.1 s, 3.9 s at a tenth, 40 s at half, 15.61 s as usual.
        assert_eq!(pull(with_down, 100, 36), Ok(215_610));
    }

    #[test]
    fn whom_it_does_not_concern_it_does_not_stop() {
        let mut of_zone = outage(100, 200_000, None);
        of_zone.zone = Some(ZoneId(1));
        assert_eq!(pull(vec![of_zone], 100, 10), Ok(110_000));
        let mut of_image = outage(100, 200_000, None);
        of_image.definitions = Some(vec![(DefinitionId(1), WHOLE), (DefinitionId(4), WHOLE)]);
        assert_eq!(pull(vec![of_image.clone()], 100, 10), Ok(110_000));
        of_image.definitions = Some(vec![(DefinitionId(0), 250_000)]);
        assert_eq!(pull(vec![of_image.clone()], 100, 10), Err(112_700));
        // A quarter of ten seconds takes five times as long.
        of_image.time_percent = Some(500);
        assert_eq!(pull(vec![of_image], 100, 10), Ok(120_000));
    }
}
