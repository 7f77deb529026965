//! L3, the bill: what was used, as AWS meters it, and what it costs.
//!
//! [`meter`] turns the life of a task or an instance into billed time, [`price`] knows prices that change,
//! [`invoice`] adds usage up and charges it once per line, [`split`] shares an instance's cost among its tasks,
//! [`by_service`] cuts the lines into the parts of services, [`fees`] knows what ECS charges for instances, [`hourly`] spreads
//! usage over the hours of the clock, [`reservations`] finds slots of capacity reservations
//! that nobody was in, [`commitments`] applies Reserved Instances and Savings Plans to it all, [`side`] adds what
//! is charged beside compute, [`credits`] keeps the CPU credits of burstable instances, [`balancer`] knows
//! the capacity units of load balancers and [`transfer`] the tiers of what goes to the internet, [`allocation`] says whose
//! it all is by AWS's split cost allocation, [`terms`] what is paid of it after private discounts, and in which currency.
//!
//! Invariants: usage is summed exactly in unit-microseconds (`u128`); each line is charged once and rounded once,
//! half to even; the total is the sum of the lines. So a bill depends neither on the order in which usage
//! was added nor on how it was grouped before. Prices are data of the catalogue or the user, never of this module.

pub mod allocation;
pub mod balancer;
pub mod by_service;
pub mod category;
pub mod commitments;
pub mod credits;
pub mod fees;
pub mod hourly;
pub mod invoice;
pub mod meter;
pub mod price;
pub mod reservations;
pub mod settle;
pub mod side;
pub mod split;
pub mod terms;
pub mod transfer;

pub use by_service::{EndedPromise, UsageByService};
pub use fees::{Fee, Fees};
pub use invoice::{Bill, Category, Covering, Invoice, Line};
pub use meter::{
    FargateTask, FargateUsage, SPOT_FREE_HOUR, fargate_minimum, fargate_task_cost,
    fargate_usage_cost, instance_cost,
};
pub use price::Price;
pub use settle::{Closed, CommitmentReport, HourlyBill, Settlement, Uncovered};
pub use split::{CpuMemory, SplitWeights};
pub use terms::{Invoiced, Terms};
