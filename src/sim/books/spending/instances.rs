//! Instances on the bill: each start of one that registered, and of those that never did.

use super::{Spending, amounts};
use crate::base::id::Column;
use crate::base::money::NanoUsd;
use crate::base::time::SimTime;
use crate::model::fleet::Fleet;
use crate::model::ids::{InstanceId, ProviderId, ZoneId};
use crate::model::platform::Purchase;
use crate::pricing::allocation::{Amounts, InstanceSpan};
use crate::pricing::meter::ec2_billed;
use crate::pricing::{Category, Price, instance_cost};

impl Spending {
    /// Puts the fee for one start of an instance on the bill; what it costs.
    fn bill_fee(
        &mut self,
        provider: ProviderId,
        instance_type: &str,
        (from, until): (SimTime, SimTime),
    ) -> NanoUsd {
        let Some(fee) = self.fees.of(provider, instance_type) else { return NanoUsd::ZERO };
        self.bill.instance_fee(provider, instance_type, fee, from, until);
        instance_cost(&Price::Fixed(fee.rate), from, until)
    }

    /// An instance that never registered was billed, too: what it cost.
    pub fn bill_unregistered(
        &mut self,
        provider: ProviderId,
        (instance_type, reservation): (&str, Option<usize>),
        (purchase, price, zone): (Purchase, &Price, ZoneId),
        (from, until): (SimTime, SimTime),
    ) -> NanoUsd {
        self.bill.instance(provider, instance_type, purchase, price, from, until);
        if let Some(hourly) = &mut self.hourly {
            let kind = (provider, purchase, zone);
            hourly.instance(kind, (instance_type, reservation), price, (from, until));
        }
        if let Some(allocation) = &mut self.allocation {
            let until = from + ec2_billed(from, until);
            let span = InstanceSpan { from, until, whole: Amounts::default() };
            let kind = (provider, Category::of_instances(purchase), instance_type);
            allocation.instance(None, kind, price, span);
        }
        instance_cost(price, from, until) + self.bill_fee(provider, instance_type, (from, until))
    }

    /// Bills each instance while it ran, until `end` at most; returns each one's cost.
    pub fn bill_instances(&mut self, end: SimTime, fleet: &Fleet) -> Column<InstanceId, NanoUsd> {
        let mut costs = Column::new();
        if end == SimTime::ZERO {
            return fleet.ids().map(|_| NanoUsd::ZERO).collect();
        }
        for instance in fleet.ids() {
            let provider = fleet.provider[instance];
            let price = &self.terms[instance].price;
            let (from, until) =
                (fleet.running_at[instance], fleet.deregistered_at[instance].min(end));
            self.bill.instance(
                provider,
                &fleet.instance_type[instance],
                self.terms[instance].purchase,
                price,
                from,
                until,
            );
            if let Some(hourly) = &mut self.hourly {
                let kind = (provider, self.terms[instance].purchase, fleet.zone[instance]);
                let reservation = self.reserved.get(&instance).copied();
                let of = (fleet.instance_type[instance].as_str(), reservation);
                hourly.instance(kind, of, price, (from, until));
            }
            let cost = instance_cost(price, from, until);
            if let Some(allocation) = &mut self.allocation {
                let category = Category::of_instances(self.terms[instance].purchase);
                let until = from + ec2_billed(from, until);
                let span = InstanceSpan { from, until, whole: amounts(fleet.registered[instance]) };
                let kind = (provider, category, fleet.instance_type[instance].as_str());
                allocation.instance(Some(instance), kind, price, span);
            }
            let fee = self.bill_fee(provider, &fleet.instance_type[instance], (from, until));
            costs.push(cost + fee);
        }
        costs
    }
}
