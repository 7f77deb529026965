//! CPU credits of burstable instances (the T families): what an instance earns, keeps, spends and is charged for.
//!
//! A credit is a minute of a vCPU. An instance earns its baseline of CPU all the time that it runs and keeps at most what
//! 24 hours earn. What it uses beyond comes from what it has kept; after that a standard instance is held at its
//! baseline, and an unlimited one borrows: up to what 24 hours earn it may pay back by being idle, what is above is
//! charged, and so is what it owes when it stops (EC2 user guide; documented).
//!
//! Amounts are [`Credits`]: whole parts of which a vCPU-microsecond has 128,000, so that nanoseconds of CPU and CPU units
//! both come out even.

use crate::base::time::SimSpan;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// Parts of a nanosecond of a vCPU: one CPU unit for a microsecond is 125 of them.
const PARTS_OF_NANO: u128 = 128;
/// Parts of a CPU unit for a microsecond.
const PARTS_OF_UNIT_MICRO: u128 = 125;
/// Parts of a vCPU for a microsecond.
const PARTS_OF_VCPU_MICRO: u128 = 1_000 * PARTS_OF_NANO;
/// For so long earning fills the balance, and may be borrowed ahead (documented).
const FULL_AFTER: SimSpan = SimSpan::from_secs(24 * 3_600);

/// CPU time, earned, kept or used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Credits(u128);

impl Credits {
    /// None.
    pub const ZERO: Credits = Credits(0);

    /// So many credits: minutes of a vCPU.
    #[must_use]
    pub fn whole(credits: u64) -> Credits {
        Credits(u128::from(credits) * 60_000_000 * PARTS_OF_VCPU_MICRO)
    }

    /// So many nanoseconds of a vCPU.
    #[must_use]
    pub fn of_nanos(nanos: u128) -> Credits {
        Credits(nanos * PARTS_OF_NANO)
    }

    /// So many CPU units, of which a vCPU has 1,024, for so long.
    #[must_use]
    pub fn of_units(units: u64, span: SimSpan) -> Credits {
        Credits(u128::from(units) * u128::from(span.0) * PARTS_OF_UNIT_MICRO)
    }

    /// So many thousandths of a vCPU for so long.
    #[must_use]
    pub fn of_millis(millis: u64, span: SimSpan) -> Credits {
        Credits(u128::from(millis) * u128::from(span.0) * PARTS_OF_NANO)
    }

    /// `percent` of it, rounded down.
    #[must_use]
    pub fn percent(self, percent: u32) -> Credits {
        // The default; 128 bits divide slowly.
        if percent == 100 {
            return self;
        }
        Credits(self.0 * u128::from(percent) / 100)
    }

    /// Whole vCPU-microseconds, and what is left of it.
    #[must_use]
    pub fn vcpu_micros(self) -> (u128, Credits) {
        (self.0 / PARTS_OF_VCPU_MICRO, Credits(self.0 % PARTS_OF_VCPU_MICRO))
    }

    /// Credits as CloudWatch shows them, for people only.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / (60_000_000 * PARTS_OF_VCPU_MICRO) as f64
    }

    fn saturating_sub(self, other: Credits) -> Credits {
        Credits(self.0.saturating_sub(other.0))
    }

    /// Takes at most `wanted` away; what it was.
    fn take(&mut self, wanted: Credits) -> Credits {
        let taken = wanted.min(*self);
        self.0 -= taken.0;
        taken
    }
}

impl Add for Credits {
    type Output = Credits;
    fn add(self, other: Credits) -> Credits {
        Credits(self.0 + other.0)
    }
}

impl AddAssign for Credits {
    fn add_assign(&mut self, other: Credits) {
        self.0 += other.0;
    }
}

impl Sub for Credits {
    type Output = Credits;
    fn sub(self, other: Credits) -> Credits {
        Credits(self.0 - other.0)
    }
}

impl SubAssign for Credits {
    fn sub_assign(&mut self, other: Credits) {
        self.0 -= other.0;
    }
}

impl Sum for Credits {
    fn sum<I: Iterator<Item = Credits>>(iter: I) -> Credits {
        iter.fold(Credits::ZERO, Add::add)
    }
}

/// What an instance does that has no credits left: `CpuCredits` of the API.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CreditMode {
    /// It is held at its baseline.
    Standard,
    /// It borrows, and pays.
    Unlimited,
}

/// What credits of an instance type are like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CreditKind {
    /// Thousandths of a vCPU that it earns all the time: its baseline.
    pub baseline_millis: u32,
    /// Credits that a standard instance has at its launch, which the limit does not count: T2.
    pub launch: u32,
    /// For so long it keeps its balance while it is stopped; zero: it loses it.
    pub kept: SimSpan,
}

/// What came of a stretch of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spent {
    /// Borrowed beyond what 24 hours earn: charged.
    pub charged: Credits,
    /// Wanted and not had: a standard instance was held at its baseline for it.
    pub denied: Credits,
}

/// The credits of one instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CreditAccount {
    kind: CreditKind,
    mode: CreditMode,
    earned: Credits,
    launch: Credits,
    /// Borrowed, and neither paid back nor charged.
    surplus: Credits,
}

impl CreditAccount {
    /// Of an instance that is launched now.
    #[must_use]
    pub fn new(kind: CreditKind, mode: CreditMode) -> CreditAccount {
        let (earned, surplus) = (Credits::ZERO, Credits::ZERO);
        let mut account = CreditAccount { kind, mode, earned, launch: Credits::ZERO, surplus };
        account.give_launch_credits();
        account
    }

    /// The most that it keeps, and may owe: what 24 hours earn.
    #[must_use]
    pub fn limit(&self) -> Credits {
        Credits::of_millis(self.kind.baseline_millis.into(), FULL_AFTER)
    }

    /// What it has: `CPUCreditBalance`.
    #[must_use]
    pub fn balance(&self) -> Credits {
        self.earned + self.launch
    }

    /// What it owes: `CPUSurplusCreditBalance`.
    #[must_use]
    pub fn surplus(&self) -> Credits {
        self.surplus
    }

    /// Gives it a share of the most that it keeps, as to one that has been idle for long.
    pub fn fill(&mut self, percent: u32) {
        self.earned = self.earned.max(self.limit().percent(percent.min(100)));
    }

    /// It runs for `span` and wants `used` of CPU, evenly: then the result does not depend on how the span is cut.
    pub fn run(&mut self, span: SimSpan, used: Credits) -> Spent {
        let income = Credits::of_millis(self.kind.baseline_millis.into(), span);
        // Launch credits go first (documented).
        let used = used - self.launch.take(used);
        if used <= income {
            let mut gain = income - used;
            gain -= self.surplus.take(gain);
            self.earned = (self.earned + gain).min(self.limit());
            return Spent::default();
        }
        let mut lack = used - income;
        lack -= self.earned.take(lack);
        match self.mode {
            CreditMode::Standard => Spent { denied: lack, ..Spent::default() },
            CreditMode::Unlimited => {
                let owed = self.surplus + lack;
                self.surplus = owed.min(self.limit());
                Spent { charged: owed.saturating_sub(self.limit()), ..Spent::default() }
            }
        }
    }

    /// It stops, for a while or for good: what it owes is charged.
    #[must_use]
    pub fn stop(&mut self) -> Credits {
        std::mem::take(&mut self.surplus)
    }

    /// It starts again after so long.
    pub fn start(&mut self, stopped_for: SimSpan) {
        if stopped_for > self.kind.kept {
            (self.earned, self.launch) = (Credits::ZERO, Credits::ZERO);
        }
        if self.kind.kept == SimSpan::ZERO {
            self.give_launch_credits();
        }
    }

    /// It changes its mode while it runs: what it owes is charged.
    #[must_use]
    pub fn switch(&mut self, mode: CreditMode) -> Credits {
        self.mode = mode;
        self.stop()
    }

    fn give_launch_credits(&mut self) {
        if self.mode == CreditMode::Standard {
            self.launch = Credits::whole(self.kind.launch.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::HourlyRate;

    const WEEK: SimSpan = SimSpan::from_secs(7 * 24 * 3_600);
    const T3_NANO: CreditKind = CreditKind { baseline_millis: 100, launch: 0, kept: WEEK };
    const T2_NANO: CreditKind = CreditKind { baseline_millis: 50, launch: 30, kept: SimSpan::ZERO };

    fn hours(hours: u64) -> SimSpan {
        SimSpan::from_secs(hours * 3_600)
    }

    /// Runs `vcpus` at `permille` for so many hours, in steps of five minutes; whole credits charged.
    fn run(of: &mut CreditAccount, vcpus: u64, permille: u64, long: u64) -> (f64, f64) {
        let step = SimSpan::from_secs(300);
        let used = Credits::of_millis(vcpus * permille, step);
        let (mut charged, mut denied) = (Credits::ZERO, Credits::ZERO);
        for _ in 0..long * 12 {
            let spent = of.run(step, used);
            charged += spent.charged;
            denied += spent.denied;
        }
        (charged.to_f64(), denied.to_f64())
    }

    /// Dollars of a unit that costs `rate` an hour, for so many credits.
    fn usd(credits: f64, rate: f64) -> f64 {
        credits / 60.0 * rate
    }

    /// What an hour of an unlimited instance costs that has run at `permille` for weeks.
    fn steady_hour(price: f64, (vcpus, baseline): (u64, u32), permille: u64) -> f64 {
        let kind = CreditKind { baseline_millis: baseline, launch: 0, kept: WEEK };
        let mut account = CreditAccount::new(kind, CreditMode::Unlimited);
        run(&mut account, vcpus, permille, 24 * 60);
        price + usd(run(&mut account, vcpus, permille, 1).0, 0.05)
    }

    fn is_near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-9, "{found}, not {wanted}");
    }

    #[test]
    fn pr_25_a_t3_large_costs_as_much_as_an_m5_large_at_42_5_percent() {
        is_near(steady_hour(0.0835, (2, 600), 425), 0.096);
        assert!(steady_hour(0.0835, (2, 600), 424) < 0.096);
    }

    #[test]
    fn pr_26_the_larger_ones_at_52_5_percent() {
        is_near(steady_hour(0.167, (4, 1_600), 525), 0.192);
        is_near(steady_hour(0.334, (8, 3_200), 525), 0.384);
    }

    #[test]
    fn pr_27_at_full_use_it_costs_half_as_much_again() {
        let times = steady_hour(0.167, (4, 1_600), 1_000) / 0.192;
        assert!((1.45..1.55).contains(&times), "{times}");
    }

    #[test]
    fn pr_28_surplus_vcpu_hours_at_their_price() {
        let (micros, rest) = Credits::whole(1_460 * 60).vcpu_micros();
        let rate = HourlyRate::parse("0.05").unwrap();
        assert_eq!((rate.charge(micros).to_string(), rest), ("73.000000000".into(), Credits::ZERO));
    }

    /// The user guide's first example of unlimited mode, and the same to P4 of the one of standard mode.
    fn nano_after_60_hours(mode: CreditMode) -> CreditAccount {
        let mut nano = CreditAccount::new(T3_NANO, mode);
        let none = (0.0, 0.0);
        let mut goes = |permille, long, balance: f64| {
            assert_eq!(run(&mut nano, 2, permille, long), none);
            is_near(nano.balance().to_f64(), balance);
        };
        goes(0, 24, 144.0);
        goes(25, 12, 144.0);
        goes(70, 24, 86.4);
        goes(25, 12, 122.4);
        nano
    }

    #[test]
    fn pr_28b_a_t3_nano_of_the_user_guide_pays_for_304_credits() {
        let mut nano = nano_after_60_hours(CreditMode::Unlimited);
        // 570 credits in five hours; 122.4 of them kept, 144 owed.
        let (charged, _) = run(&mut nano, 2, 1_000, 5);
        is_near(charged, 570.0 - 122.4 - 144.0);
        is_near(nano.surplus().to_f64(), 144.0);
        assert_eq!(run(&mut nano, 2, 50, 13).0, 0.0);
        is_near(nano.surplus().to_f64(), 144.0);
        assert_eq!(run(&mut nano, 2, 0, 24).0, 0.0);
        assert_eq!((nano.surplus(), nano.balance()), (Credits::ZERO, Credits::ZERO));
    }

    #[test]
    fn pr_28c_a_standard_one_is_held_at_its_baseline() {
        let mut nano = nano_after_60_hours(CreditMode::Standard);
        // Two hours at 60 % want 144 credits and earn 12.
        let (charged, denied) = run(&mut nano, 2, 600, 2);
        is_near(denied, 144.0 - 12.0 - 122.4);
        assert_eq!((charged, nano.balance()), (0.0, Credits::ZERO));
        run(&mut nano, 2, 50, 14);
        assert_eq!(nano.balance(), Credits::ZERO);
        run(&mut nano, 2, 0, 24);
        is_near(nano.balance().to_f64(), 144.0);
    }

    #[test]
    fn pr_28d_25_credits_above_the_limit_cost_two_cents() {
        let mut nano = CreditAccount::new(T2_NANO, CreditMode::Unlimited);
        is_near(nano.limit().to_f64(), 72.0);
        // No launch credits in unlimited mode: in 100 minutes it earns 5 and uses 102.
        let used = Credits::whole(102);
        let charged = nano.run(SimSpan::from_secs(6_000), used).charged;
        is_near(charged.to_f64(), 25.0);
        is_near((usd(25.0, 0.05) * 100.0).round(), 2.0);
    }

    #[test]
    fn pr_28e_launch_credits_are_beside_the_limit_and_go_first() {
        let mut nano = CreditAccount::new(T2_NANO, CreditMode::Standard);
        is_near(nano.balance().to_f64(), 30.0);
        for (permille, long, balance) in
            [(0, 24, 102.0), (0, 12, 102.0), (20, 25, 72.0), (20, 11, 72.0)]
        {
            run(&mut nano, 1, permille, long);
            is_near(nano.balance().to_f64(), balance);
        }
    }

    #[test]
    fn t3_keeps_its_credits_for_seven_days_and_t2_not_at_all() {
        let mut nano = CreditAccount::new(T3_NANO, CreditMode::Unlimited);
        nano.fill(50);
        nano.start(WEEK);
        is_near(nano.balance().to_f64(), 72.0);
        nano.start(WEEK + SimSpan(1));
        assert_eq!(nano.balance(), Credits::ZERO);
        let mut nano = CreditAccount::new(T2_NANO, CreditMode::Standard);
        nano.fill(100);
        nano.start(SimSpan(1));
        is_near(nano.balance().to_f64(), 30.0);
    }

    #[test]
    fn what_is_owed_is_charged_at_a_stop_and_at_a_switch() {
        let mut nano = CreditAccount::new(T3_NANO, CreditMode::Unlimited);
        assert_eq!(nano.run(hours(1), Credits::whole(50)).charged, Credits::ZERO);
        let before = nano;
        is_near(nano.stop().to_f64(), 44.0);
        assert_eq!(nano.stop(), Credits::ZERO);
        nano = before;
        is_near(nano.switch(CreditMode::Standard).to_f64(), 44.0);
        is_near(nano.run(hours(1), Credits::whole(50)).denied.to_f64(), 44.0);
    }

    #[test]
    fn even_use_costs_the_same_however_the_time_is_cut() {
        for permille in [0, 30, 50, 51, 400, 1_000] {
            for mode in [CreditMode::Standard, CreditMode::Unlimited] {
                let mut cut = CreditAccount::new(T3_NANO, mode);
                cut.fill(30);
                let mut whole = cut;
                let used = Credits::of_millis(2 * permille, hours(50));
                let spent = whole.run(hours(50), used);
                let (charged, denied) = run(&mut cut, 2, permille, 50);
                is_near(charged, spent.charged.to_f64());
                is_near(denied, spent.denied.to_f64());
                assert_eq!(cut, whole);
            }
        }
    }

    #[test]
    fn cpu_units_and_nanoseconds_are_the_same_time() {
        assert_eq!(Credits::of_units(1_024, hours(1)), Credits::whole(60));
        assert_eq!(Credits::of_nanos(60_000_000_000), Credits::whole(1));
        assert_eq!(Credits::of_millis(500, hours(1)), Credits::whole(30));
        assert_eq!(Credits::whole(1).vcpu_micros(), (60_000_000, Credits::ZERO));
    }
}
