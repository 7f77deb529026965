//! Instances however they are bought against Fargate however it is bought: who is cheaper, and at what packing that turns.

use super::verdict::cheapest_by;
use super::{Cell, Kind, Question, Said, level_percent};
use crate::experiment::statistics::Mean;

/// How something is bought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bought {
    /// At list prices: On-Demand, or of Spot kinds the price of Spot.
    List,
    /// Under the best commitment of the question's purchase of this number.
    Under(usize),
}

impl Bought {
    /// Its name in tables.
    #[must_use]
    pub fn name(self, question: &Question) -> &str {
        match self {
            Bought::List => "list",
            Bought::Under(index) => &question.purchases[index].name,
        }
    }

    /// The bill of a run.
    #[must_use]
    pub fn bill(self, said: &Said) -> f64 {
        match self {
            Bought::List => said.usd,
            Bought::Under(index) => said.usd_bought.get(index).copied().unwrap_or(said.usd),
        }
    }
}

/// A way to run the workload on instances beside a way to run it on Fargate.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pair<'a> {
    /// Factor on the load.
    pub load: f64,
    /// The cheapest variant of a kind of instances, so bought: of those that serve as well as Fargate, else of all.
    pub instances: &'a Cell,
    /// How they are bought.
    pub bought: Bought,
    /// Fargate, or Fargate Spot.
    pub fargate: &'a Cell,
    /// How Fargate is bought.
    pub fargate_bought: Bought,
    /// The bill of the instances, dollars, over the seeds.
    pub usd: Mean,
    /// The bill of Fargate, likewise.
    pub fargate_usd: Mean,
    /// How full the instances are, percent by money.
    pub packed_percent: Mean,
    /// How full they would have to be to cost as much as Fargate, percent, paired by seed.
    pub level_percent: Mean,
}

/// All pairs at a load, by kind of instances, then by how these are bought, then by Fargate's columns.
#[must_use]
pub fn pairs<'a>(cells: &'a [Cell], question: &Question, load: f64) -> Vec<Pair<'a>> {
    let columns = [Kind::Fargate, Kind::FargateSpot].into_iter().flat_map(|kind| {
        let ways = ways(question, kind).into_iter();
        ways.filter_map(move |bought| Some((cell(cells, load, kind, bought)?, bought)))
    });
    let columns: Vec<(&Cell, Bought)> = columns.collect();
    let mut found = Vec::new();
    for &kind in question.kinds.iter().filter(|kind| kind.is_instances()) {
        for bought in ways(question, kind) {
            let Some(instances) = cell(cells, load, kind, bought) else { continue };
            let of = |&(fargate, fargate_bought)| pair(instances, bought, fargate, fargate_bought);
            found.extend(columns.iter().filter_map(of));
        }
    }
    found
}

/// How a kind can be bought: no commitment covers Spot.
fn ways(question: &Question, kind: Kind) -> Vec<Bought> {
    let covers = |index: &usize| match kind {
        Kind::FargateSpot | Kind::Ec2Spot | Kind::FargateMixed | Kind::Split => false,
        Kind::Fargate => question.purchases[*index].covers_fargate(),
        Kind::Given | Kind::Ec2 | Kind::Ec2Mixed | Kind::ManagedInstances => true,
    };
    let under = (0..question.purchases.len()).filter(covers).map(Bought::Under);
    [Bought::List].into_iter().chain(under).collect()
}

fn cell(cells: &[Cell], load: f64, kind: Kind, bought: Bought) -> Option<&Cell> {
    let of = |as_quick| cheapest_by(cells, (load, kind, as_quick), |said| bought.bill(said));
    of(true).or_else(|| of(false))
}

fn pair<'a>(
    instances: &'a Cell,
    bought: Bought,
    fargate: &'a Cell,
    fargate_bought: Bought,
) -> Option<Pair<'a>> {
    Some(Pair {
        load: instances.load,
        instances,
        bought,
        fargate,
        fargate_bought,
        usd: instances.estimate(|said| bought.bill(said))?,
        fargate_usd: fargate.estimate(|said| fargate_bought.bill(said))?,
        packed_percent: instances.estimate(|said| said.packed_percent)?,
        level_percent: instances.estimate_with(fargate, |one, other| {
            level_percent(one.packed_percent, bought.bill(one), fargate_bought.bill(other))
        })?,
    })
}

impl Pair<'_> {
    /// Whether the instances are the cheaper ones, in the mean.
    #[must_use]
    pub fn is_cheaper(&self) -> bool {
        self.usd.mean < self.fargate_usd.mean
    }
}
