//! What AWS's Spot Advisor said of a type in a region: how far Spot was below On-Demand, and how many instances were
//! reclaimed.

use super::book::Catalogue;
use super::table::Table;

/// Day of the embedded table.
pub const AS_OF: &str = "2025-06-28";
/// Where it comes from; `data/README.md` has the details.
pub const ORIGIN: &str = "spotinfo";

/// Hours of a month, by which rates a month become rates an hour.
const HOURS_OF_MONTH: f64 = 730.0;

/// Share of the running Spot instances that were reclaimed over a month.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum InterruptionBand {
    /// Below 5 percent.
    Below5,
    /// 5 to 10 percent.
    From5To10,
    /// 10 to 15 percent.
    From10To15,
    /// 15 to 20 percent.
    From15To20,
    /// Above 20 percent.
    Above20,
}

impl InterruptionBand {
    /// All of them, the rarest first.
    pub const ALL: [InterruptionBand; 5] = [
        InterruptionBand::Below5,
        InterruptionBand::From5To10,
        InterruptionBand::From10To15,
        InterruptionBand::From15To20,
        InterruptionBand::Above20,
    ];

    /// The band as AWS prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            InterruptionBand::Below5 => "<5%",
            InterruptionBand::From5To10 => "5-10%",
            InterruptionBand::From10To15 => "10-15%",
            InterruptionBand::From15To20 => "15-20%",
            InterruptionBand::Above20 => ">20%",
        }
    }

    /// The share that stands for the band, in tenths of a percent a month. Assumed: its middle, and 25 percent above 20.
    #[must_use]
    pub fn monthly_permille(self) -> u32 {
        match self {
            InterruptionBand::Below5 => 25,
            InterruptionBand::From5To10 => 75,
            InterruptionBand::From10To15 => 125,
            InterruptionBand::From15To20 => 175,
            InterruptionBand::Above20 => 250,
        }
    }

    /// The rate of interruptions by instance and hour that reclaims this share in a month of 730 hours.
    #[must_use]
    pub fn hazard_per_hour(self) -> f64 {
        let share = f64::from(self.monthly_permille()) / 1_000.0;
        -libm::log1p(-share) / HOURS_OF_MONTH
    }

    /// A score of the pool's capacity for the allocation strategies that look at it, 5 best. Assumed: pools that are
    /// interrupted less have more of it.
    #[must_use]
    pub fn score(self) -> u32 {
        5 - self as u32
    }
}

/// What the advisor says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpotAdvice {
    /// Percent off On-Demand, a mean of about 30 days; negative where Spot was dearer.
    pub savings_percent: i32,
    /// Interruptions.
    pub band: InterruptionBand,
}

impl Catalogue {
    /// What the Spot Advisor said of an instance type in a region (Linux); `None` where it says nothing.
    #[must_use]
    pub fn spot_advice(&self, region: &str, instance_type: &str) -> Option<SpotAdvice> {
        let table = Table::new(include_str!("data/spot_advisor.csv"));
        let column = table.columns().skip(1).position(|name| name == region)?;
        let cell = table.find(instance_type)?.split(',').nth(column + 1)?;
        let (savings, band) = cell.split_at_checked(cell.len().checked_sub(1)?)?;
        let band = "abcde".find(band)?;
        Some(SpotAdvice {
            savings_percent: savings.parse().ok()?,
            band: InterruptionBand::ALL[band],
        })
    }
}
