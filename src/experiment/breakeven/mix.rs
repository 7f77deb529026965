//! Mixtures: On-Demand and Spot in one strategy, and EC2 and Fargate by service.
//!
//! ECS mixes within a capacity provider strategy what is of one kind: FARGATE with FARGATE_SPOT, or Auto Scaling groups with
//! each other, by a base and weights. It refuses Fargate and groups in one strategy, so one service is never on both; a
//! cluster is, by service. Managed Instances are a provider of their own kind, too.

use super::variant::{Kind, Variant, table_of};
use toml::{Table, Value};

/// Most services and callers of which every division between EC2 and Fargate is tried.
pub const MOST_DIVIDED: usize = 5;
/// End of the name of what is on Spot, and of the definitions of what is on Fargate beside EC2.
const SPOT: &str = "-spot";
const ON_FARGATE: &str = "-on-fargate";

/// The strategy of a mixture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mix {
    /// The first so many tasks of each service or call are On-Demand.
    pub base: u32,
    /// Weight of On-Demand for the rest.
    pub on_demand: u32,
    /// Weight of Spot for the rest.
    pub spot: u32,
}

impl Mix {
    /// From text such as `2:1:3`: base, weight of On-Demand, weight of Spot.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Mix, String> {
        let numbers: Vec<Option<u32>> = text.split(':').map(|part| part.parse().ok()).collect();
        match numbers[..] {
            [Some(base), Some(on_demand), Some(spot)]
                if base <= 100_000 && on_demand <= 1_000 && spot <= 1_000 && on_demand + spot > 0 =>
            {
                Ok(Mix { base, on_demand, spot })
            }
            _ => Err("expected BASE:WEIGHT:WEIGHT, such as 2:1:3; a base up to 100000, weights up to 1000, not both 0".into()),
        }
    }

    /// Of so many tasks those that are On-Demand and those on Spot, in the mean.
    pub(super) fn shares(self, tasks: f64) -> (f64, f64) {
        let base = tasks.min(f64::from(self.base));
        let (on_demand, spot) = (f64::from(self.on_demand), f64::from(self.spot));
        let rest = (tasks - base) / (on_demand + spot);
        (base + rest * on_demand, rest * spot)
    }
}

impl std::fmt::Display for Mix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.base, self.on_demand, self.spot)
    }
}

/// The strategy of a mixture: `provider` is the On-Demand one.
pub(super) fn strategy(mix: Mix, provider: &str, of_spot: &str) -> Value {
    let item = |name: &str, base: u32, weight: u32| {
        let mut keys = vec![
            ("capacity_provider", Value::String(name.to_string())),
            ("weight", Value::Integer(weight.into())),
        ];
        if base > 0 {
            keys.push(("base", Value::Integer(base.into())));
        }
        table_of(keys)
    };
    Value::Array(vec![item(provider, mix.base, mix.on_demand), item(of_spot, 0, mix.spot)])
}

/// Name of the group of Spot instances beside a group.
pub(super) fn spot_name(provider: &str) -> String {
    format!("{provider}{SPOT}")
}

/// Every division of `names` between EC2 and Fargate but the two that are none: those on EC2.
#[must_use]
pub fn divisions(names: &[String]) -> Vec<Vec<String>> {
    if names.len() > MOST_DIVIDED {
        return Vec::new();
    }
    let all = 1..(1u32 << names.len()).saturating_sub(1);
    let chosen = |set: u32| {
        let is_in = |index: &usize| set & (1 << index) != 0;
        (0..names.len()).filter(is_in).map(|index| names[index].clone()).collect()
    };
    all.map(chosen).collect()
}

/// What a service or caller of this name runs on.
pub(super) fn of_asker(variant: &Variant, name: &str) -> Variant {
    let mut own = variant.clone();
    if variant.kind == Kind::Split {
        let is_on_ec2 = variant.on_ec2.iter().any(|one| one == name);
        own.kind = if is_on_ec2 { Kind::Ec2 } else { Kind::Fargate };
    }
    own
}

/// A definition for Fargate beside the one for EC2: a copy under a name of its own.
pub(super) fn copy_for_fargate(definition: &Table) -> Table {
    let mut copy = definition.clone();
    if let Some(family) = definition.get("family").and_then(Value::as_str) {
        copy.insert("family".into(), Value::String(format!("{family}{ON_FARGATE}")));
    }
    copy
}

/// Lets a service or caller take the copies.
pub(super) fn take_copies(asker: &mut Table) {
    let renamed = |value: &Value| {
        let text = value.as_str()?;
        let (family, revision) = text.split_once(':').map_or((text, None), |(f, r)| (f, Some(r)));
        let revision = revision.map_or(String::new(), |revision| format!(":{revision}"));
        Some(Value::String(format!("{family}{ON_FARGATE}{revision}")))
    };
    if let Some(new) = asker.get("task_definition").and_then(renamed) {
        asker.insert("task_definition".into(), new);
    }
    for key in ["update", "task_set"] {
        let Some(Value::Array(all)) = asker.get_mut(key) else { continue };
        for one in all.iter_mut().filter_map(Value::as_table_mut) {
            if let Some(new) = one.get("task_definition").and_then(renamed) {
                one.insert("task_definition".into(), new);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_divisions_but_the_two_that_are_none() {
        let names: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        let found: Vec<String> = divisions(&names).iter().map(|set| set.join("")).collect();
        assert_eq!(found, ["a", "b", "ab", "c", "ac", "bc"]);
        assert_eq!(divisions(&names[..1]), Vec::<Vec<String>>::new());
        assert_eq!(divisions(&vec!["x".to_string(); 6]).len(), 0);
        assert_eq!(Mix::parse("2:1:3").map(|mix| mix.to_string()), Ok("2:1:3".into()));
        for text in ["", "1:1", "1:0:0", "-1:1:1", "1:1:1:1", "0:1:1001"] {
            assert!(Mix::parse(text).is_err(), "{text}");
        }
    }
}
