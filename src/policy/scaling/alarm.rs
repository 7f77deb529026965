//! One CloudWatch alarm: M of N over the newest points, with the rules for missing ones.
//!
//! The history is two bit sets, newest point in bit 0: which points are real, which of these breach. An evaluation is a
//! few masks and counts. Invariant: `breach` is a subset of `present`. The alarm knows no clock: its caller pushes one
//! point a period, once it is visible.

use crate::model::scaling::{AlarmSpec, Comparison, MetricValue, MissingData};

/// How many points beyond N CloudWatch reads. Assumed: 5 points for N = 3 are documented, the general rule is not.
pub const EXTRA_POINTS: u32 = 2;

/// The longest alarm that the bit sets hold; CloudWatch itself ends at one day of periods.
pub const LONGEST: u32 = 128 - EXTRA_POINTS;

/// `StateValue` of an alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AlarmState {
    /// `OK`.
    Ok,
    /// `ALARM`.
    Alarm,
    /// `INSUFFICIENT_DATA`, the state of a new alarm.
    #[default]
    InsufficientData,
}

impl AlarmState {
    /// Its name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AlarmState::Ok => "OK",
            AlarmState::Alarm => "ALARM",
            AlarmState::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

/// An alarm and its recent history.
#[derive(Clone, Debug)]
pub struct Alarm {
    present: u128,
    breach: u128,
    /// How many of the newest points are real without a gap, and how many breach: what nearly every evaluation needs.
    real_run: u32,
    breach_run: u32,
    spec: AlarmSpec,
    state: AlarmState,
}

/// Whether an alarm is one that CloudWatch and this model take: 1 ≤ M ≤ N ≤ [`LONGEST`], N periods within a day, and a
/// period of 20 s (the high-resolution metrics of ECS) or whole minutes.
///
/// # Errors
/// A sentence that names what is wrong and the range that is right.
pub fn check(spec: &AlarmSpec) -> Result<(), String> {
    let (n, m) = (spec.evaluation_periods, spec.datapoints_to_alarm);
    let seconds = spec.period.0 / 1_000_000;
    if n == 0 || n > LONGEST {
        return Err(format!("evaluation periods must be 1 to {LONGEST}, not {n}"));
    }
    if m == 0 || m > n {
        return Err(format!(
            "datapoints to alarm must be 1 to the {n} evaluation periods, not {m}"
        ));
    }
    let is_whole = spec.period.0.is_multiple_of(1_000_000) && seconds > 0;
    if !is_whole || (seconds != 20 && !seconds.is_multiple_of(60)) {
        return Err(format!(
            "an alarm period must be 20 s (high resolution) or a multiple of 60 s, not {} s",
            spec.period
        ));
    }
    if u64::from(n) * seconds > 86_400 {
        return Err(format!("{n} periods of {seconds} s are longer than one day"));
    }
    Ok(())
}

/// Whether `value` breaches.
#[inline]
#[must_use]
pub fn breaches(comparison: Comparison, threshold: MetricValue, value: MetricValue) -> bool {
    match comparison {
        Comparison::Above => value > threshold,
        Comparison::AtLeast => value >= threshold,
        Comparison::Below => value < threshold,
        Comparison::AtMost => value <= threshold,
    }
}

/// The least and the greatest value that [breaches]; where none does, one that does not.
#[inline]
#[must_use]
pub fn breaching(comparison: Comparison, threshold: MetricValue) -> (MetricValue, MetricValue) {
    let (least, most) = (MetricValue(0), MetricValue(u64::MAX));
    match comparison {
        Comparison::Above => (MetricValue(threshold.0.saturating_add(1)), most),
        Comparison::AtLeast => (threshold, most),
        Comparison::Below => (least, MetricValue(threshold.0.saturating_sub(1))),
        Comparison::AtMost => (least, threshold),
    }
}

impl Alarm {
    /// A new alarm without history, in INSUFFICIENT_DATA. N is cut to [`LONGEST`]; [`check`] refuses longer ones.
    #[must_use]
    pub fn new(spec: AlarmSpec) -> Alarm {
        let points = spec.evaluation_periods.clamp(1, LONGEST);
        Alarm {
            present: 0,
            breach: 0,
            real_run: 0,
            breach_run: 0,
            spec: AlarmSpec { evaluation_periods: points, ..spec },
            state: AlarmState::default(),
        }
    }

    /// What the alarm was made from.
    #[must_use]
    pub fn spec(&self) -> &AlarmSpec {
        &self.spec
    }

    /// The state that the last evaluation left.
    #[inline]
    #[must_use]
    pub fn state(&self) -> AlarmState {
        self.state
    }

    /// Points in the evaluation range.
    #[inline]
    #[must_use]
    pub fn range_points(&self) -> u32 {
        self.spec.evaluation_periods + EXTRA_POINTS
    }

    /// Whether the newest point is real and breaches.
    #[inline]
    #[must_use]
    pub fn newest_breaches(&self) -> bool {
        self.breach & 1 == 1
    }

    /// Takes the point of the next period; `None` is a missing one.
    #[inline]
    pub fn push(&mut self, point: Option<MetricValue>) {
        let is_breach =
            point.is_some_and(|value| breaches(self.spec.comparison, self.spec.threshold, value));
        self.present = self.present << 1 | u128::from(point.is_some());
        self.breach = self.breach << 1 | u128::from(is_breach);
        self.real_run = if point.is_some() { self.real_run.saturating_add(1) } else { 0 };
        self.breach_run = if is_breach { self.breach_run.saturating_add(1) } else { 0 };
    }

    /// As [`Alarm::push`] of each of these points, which are all real and within these bounds.
    #[inline]
    pub fn push_all(
        &mut self,
        points: impl ExactSizeIterator<Item = Option<MetricValue>>,
        (least, most): (MetricValue, MetricValue),
    ) {
        let breaches = |value| breaches(self.spec.comparison, self.spec.threshold, value);
        let (count, is_breach) = (points.len() as u32, breaches(most));
        if breaches(least) != is_breach || count >= u128::BITS {
            points.for_each(|point| self.push(point));
            return;
        }
        // On one side of the threshold all breach, or none.
        let ones = (1 << count) - 1;
        self.present = self.present << count | ones;
        self.breach = self.breach << count | if is_breach { ones } else { 0 };
        self.real_run = self.real_run.saturating_add(count);
        let run = self.breach_run.saturating_add(count);
        self.breach_run = if is_breach || count == 0 { run } else { 0 };
    }

    /// What may become of it, point by point; `None`: points are missing, or it fires and is one of M of N, which is too
    /// hard to say.
    #[must_use]
    pub fn foresight(&self) -> Option<Foresight> {
        let AlarmSpec { datapoints_to_alarm: needed, evaluation_periods: points, .. } = self.spec;
        let is_on = self.state == AlarmState::Alarm;
        let is_known = self.is_full() && (needed == points || !is_on);
        is_known.then_some(Foresight {
            breaching: breaching(self.spec.comparison, self.spec.threshold),
            is_in_a_row: needed == points,
            needed,
            points,
            may_be_on: is_on,
            may_be_off: !is_on,
            run: self.breach_run,
            breach: self.breach,
        })
    }

    /// Whether the N newest points are real: then the state follows from them alone, whatever it was.
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.real_run >= self.spec.evaluation_periods
    }

    /// Evaluates the history and returns the state.
    #[inline]
    pub fn evaluate(&mut self) -> AlarmState {
        self.state = if self.is_full() {
            // The usual case: the N newest points are all real.
            if self.is_enough() { AlarmState::Alarm } else { AlarmState::Ok }
        } else {
            self.evaluate_with_gaps()
        };
        self.state
    }

    /// Whether enough of the N newest points breach, which are all real; counting bits is slower than to look for M in a row.
    #[inline]
    fn is_enough(&self) -> bool {
        let (needed, points) = (self.spec.datapoints_to_alarm, self.spec.evaluation_periods);
        self.breach_run >= needed
            || needed < points && (self.breach & newest_of(points)).count_ones() >= needed
    }

    #[inline]
    fn alarm_if(&self, breaching: u32) -> AlarmState {
        if breaching >= self.spec.datapoints_to_alarm { AlarmState::Alarm } else { AlarmState::Ok }
    }

    fn evaluate_with_gaps(&self) -> AlarmState {
        let mut present = self.present & newest_of(self.range_points());
        let mut real = present.count_ones();
        let points = self.spec.evaluation_periods;
        while real > points {
            // The oldest real points do not count. The range is little longer than N, so this ends at once.
            present ^= 1 << present.ilog2();
            real -= 1;
        }
        let breach = self.breach & present;
        let breaching = breach.count_ones();
        let filled = points - real;
        if filled == 0 || breaching >= self.spec.datapoints_to_alarm {
            return self.alarm_if(breaching);
        }
        match self.spec.missing {
            MissingData::Breaching => self.alarm_if(breaching + filled),
            MissingData::NotBreaching => AlarmState::Ok,
            // Without a point that says OK nothing speaks against the present state.
            MissingData::Ignore if breaching == real => self.state,
            MissingData::Ignore => AlarmState::Ok,
            MissingData::Missing if real == 0 => AlarmState::InsufficientData,
            MissingData::Missing if self.is_premature(present, breach) => AlarmState::Alarm,
            MissingData::Missing => AlarmState::Ok,
        }
    }

    /// The premature rule: fewer than M real points, but the oldest breaching one is at least M positions old and
    /// nothing after it is in order.
    fn is_premature(&self, present: u128, breach: u128) -> bool {
        if breach == 0 || present.count_ones() >= self.spec.datapoints_to_alarm {
            return false;
        }
        let oldest = breach.ilog2();
        let newer = (1_u128 << oldest) - 1;
        oldest + 1 >= self.spec.datapoints_to_alarm && present & newer == breach & newer
    }
}

/// What may become of an alarm whose next points are real, and known by bounds.
#[derive(Clone, Copy, Debug)]
pub struct Foresight {
    breaching: (MetricValue, MetricValue),
    /// Whether it is one of N of N points.
    is_in_a_row: bool,
    needed: u32,
    points: u32,
    may_be_on: bool,
    may_be_off: bool,
    /// How many of the newest points may breach in a row, if it is off.
    run: u32,
    /// Which of the newest points may breach.
    breach: u128,
}

impl Foresight {
    /// Whether it may be in ALARM.
    #[inline]
    #[must_use]
    pub fn may_be_on(&self) -> bool {
        self.may_be_on
    }

    /// Values of which a second one in a row changes nothing: none breaches, and it is the newest point alone that counts.
    /// `None`: each counts.
    #[must_use]
    pub fn harmless(&self) -> Option<(MetricValue, MetricValue)> {
        let (from, to) = self.breaching;
        match (from.0.checked_sub(1), to.0.checked_add(1)) {
            _ if !self.is_in_a_row => None,
            (Some(below), None) => Some((MetricValue(0), MetricValue(below))),
            (None, Some(above)) => Some((MetricValue(above), MetricValue(u64::MAX))),
            _ => None,
        }
    }

    /// Takes the next point, which lies within these bounds, and says whether the alarm may go into ALARM by it.
    #[inline]
    pub fn may_fire(&mut self, (least, most): (MetricValue, MetricValue)) -> bool {
        let (from, to) = self.breaching;
        let may_breach = from <= most && least <= to;
        let may_not = least < from || to < most;
        if !self.is_in_a_row {
            self.breach = self.breach << 1 | u128::from(may_breach);
            return (self.breach & newest_of(self.points)).count_ones() >= self.needed;
        }
        // One that is on stays so until a point does not breach.
        self.run = if may_breach && self.may_be_off { self.run + 1 } else { 0 };
        self.may_be_off |= may_not;
        self.may_be_on &= may_breach;
        self.run >= self.points
    }
}

/// The bits of the newest points, of which there are 1 to 128.
#[inline]
fn newest_of(points: u32) -> u128 {
    u128::MAX >> (128 - points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimSpan;
    use crate::random::drawn;
    use proptest::prelude::*;

    fn spec(m: u32, n: u32, missing: MissingData) -> AlarmSpec {
        AlarmSpec {
            comparison: Comparison::Above,
            threshold: MetricValue(50),
            period: SimSpan::from_secs(60),
            evaluation_periods: n,
            datapoints_to_alarm: m,
            missing,
        }
    }

    /// The rules read aloud, over a list with the oldest point first.
    fn slow(
        history: &[Option<bool>],
        m: usize,
        n: usize,
        missing: MissingData,
        was: AlarmState,
    ) -> AlarmState {
        let mut range: Vec<Option<bool>> = vec![None; (n + 2).saturating_sub(history.len())];
        range.extend(&history[history.len().saturating_sub(n + 2)..]);
        let real: Vec<bool> = range.iter().rev().filter_map(|p| *p).collect();
        let used = &real[..real.len().min(n)];
        let count = used.iter().filter(|&&b| b).count();
        let verdict = |count| if count >= m { AlarmState::Alarm } else { AlarmState::Ok };
        if used.len() == n || count >= m {
            return verdict(count);
        }
        match missing {
            MissingData::Breaching => verdict(count + n - used.len()),
            MissingData::NotBreaching => verdict(count),
            MissingData::Ignore => {
                if used.iter().any(|b| !b) {
                    AlarmState::Ok
                } else {
                    was
                }
            }
            MissingData::Missing => {
                if used.is_empty() {
                    return AlarmState::InsufficientData;
                }
                let oldest = range.iter().position(|p| *p == Some(true));
                let fires = oldest.is_some_and(|at| {
                    used.len() < m
                        && range.len() - at >= m
                        && range[at..].iter().all(|p| *p != Some(false))
                });
                if fires { AlarmState::Alarm } else { AlarmState::Ok }
            }
        }
    }

    proptest! {
        #![proptest_config(drawn(256))]

        #[test]
        fn bit_sets_agree_with_the_rules_read_aloud(
            history in prop::collection::vec(prop::option::weighted(0.6, any::<bool>()), 0..60),
            n in 1_u32..=20, part in 1_u32..=20, treatment in 0..4,
        ) {
            let missing = [MissingData::Missing, MissingData::Ignore, MissingData::Breaching, MissingData::NotBreaching]
                [treatment as usize];
            let m = part.min(n);
            let mut alarm = Alarm::new(spec(m, n, missing));
            let mut state = AlarmState::InsufficientData;
            for end in 0..history.len() {
                alarm.push(history[end].map(|b| MetricValue(if b { 51 } else { 50 })));
                state = slow(&history[..=end], m as usize, n as usize, missing, state);
                prop_assert_eq!(alarm.evaluate(), state);
            }
        }
    }

    proptest! {
        #![proptest_config(drawn(256))]

        #[test]
        fn points_pushed_at_once_are_those_pushed_one_by_one(
            runs in prop::collection::vec(prop::collection::vec(45_u64..56, 0..9), 0..9), gap in any::<bool>(),
            comparison in prop::sample::select(vec![
                Comparison::Above, Comparison::AtLeast, Comparison::Below, Comparison::AtMost,
            ]),
        ) {
            let spec = AlarmSpec { comparison, ..spec(2, 3, MissingData::Ignore) };
            let (mut alarm, mut slow) = (Alarm::new(spec), Alarm::new(spec));
            for run in runs {
                let points: Vec<_> = run.iter().map(|&value| Some(MetricValue(value))).collect();
                let bounds = (run.iter().min(), run.iter().max());
                let bounds = (bounds.0.map_or(u64::MAX, |&least| least), bounds.1.map_or(0, |&most| most));
                alarm.push_all(points.iter().copied(), (MetricValue(bounds.0), MetricValue(bounds.1)));
                points.iter().for_each(|&point| slow.push(point));
                if gap {
                    alarm.push(None);
                    slow.push(None);
                }
                prop_assert_eq!(format!("{alarm:?}"), format!("{slow:?}"));
            }
        }
    }

    proptest! {
        #![proptest_config(drawn(512))]

        #[test]
        fn an_alarm_fires_only_where_it_was_foreseen_and_is_off_where_it_must_be(
            before in prop::collection::vec(45_u64..56, 4..9), after in prop::collection::vec((45_u64..56, 0_u64..3, 0_u64..3), 1..30),
            m in 1_u32..5, n in 1_u32..5, comparison in prop::sample::select(vec![
                Comparison::Above, Comparison::AtLeast, Comparison::Below, Comparison::AtMost,
            ]),
        ) {
            let mut alarm = Alarm::new(AlarmSpec { comparison, ..spec(m.min(n), n, MissingData::Missing) });
            for &value in &before {
                alarm.push(Some(MetricValue(value)));
                alarm.evaluate();
            }
            let Some(mut foresight) = alarm.foresight() else {
                prop_assert!(m < n && alarm.state() == AlarmState::Alarm);
                return Ok(());
            };
            let is_sure = after.iter().all(|&(_, below, above)| below == 0 && above == 0);
            for (value, below, above) in after {
                let was_on = alarm.state() == AlarmState::Alarm;
                let may_fire = foresight.may_fire((MetricValue(value - below), MetricValue(value + above)));
                alarm.push(Some(MetricValue(value)));
                let is_on = alarm.evaluate() == AlarmState::Alarm;
                let fires = is_on && !was_on;
                prop_assert!(may_fire || !fires);
                if may_fire {
                    prop_assert!(fires || !is_sure, "what is known to the point is foreseen to the point");
                    break;
                }
                prop_assert!(foresight.may_be_on() || !is_on);
                if let Some((from, to)) = foresight.harmless()
                    && (from..=to).contains(&MetricValue(value - below))
                    && (from..=to).contains(&MetricValue(value + above))
                {
                    let before = format!("{foresight:?}");
                    prop_assert!(!foresight.may_fire((from, to)));
                    prop_assert_eq!(before, format!("{foresight:?}"));
                }
                prop_assert!(!is_sure || foresight.may_be_on() == is_on);
            }
        }
    }

    #[test]
    fn the_premature_rule_waits_until_the_breach_is_m_points_old() {
        for (points, fires) in [("--X--", true), ("----X", false), ("---X-", false)] {
            let mut alarm = Alarm::new(spec(3, 3, MissingData::Missing));
            for point in points.chars() {
                alarm.push((point == 'X').then_some(MetricValue(99)));
            }
            assert_eq!(alarm.evaluate() == AlarmState::Alarm, fires, "{points}");
        }
    }

    #[test]
    fn an_alarm_out_of_range_is_refused_in_words() {
        let good = spec(3, 3, MissingData::Missing);
        assert_eq!(check(&good), Ok(()));
        let says = |spec: AlarmSpec| check(&spec).unwrap_err();
        assert!(says(AlarmSpec { evaluation_periods: 0, ..good }).contains("1 to 126, not 0"));
        assert!(says(AlarmSpec { datapoints_to_alarm: 4, ..good }).contains("not 4"));
        assert!(says(AlarmSpec { period: SimSpan::from_secs(45), ..good }).contains("not 45 s"));
        let long = AlarmSpec { evaluation_periods: 100, period: SimSpan::from_secs(900), ..good };
        assert!(says(long).contains("longer than one day"));
    }
}
