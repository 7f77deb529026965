//! Keys of what Spot costs.

use super::{Key, Kind, optional};

/// The price of every Spot instance of a capacity provider.
pub(super) const SPOT_PRICE: Key = optional(
    "spot_price_usd_per_hour",
    Kind::Usd,
    "none",
    "Spot price of every instance in US dollars an hour.",
    "ecsim",
);

/// A share of what On-Demand costs.
pub(super) const SPOT_DISCOUNT: Key = optional(
    "spot_discount_percent",
    Kind::Number(0.0, 100.0),
    "none",
    "Spot price as a discount on the On-Demand price.",
    "ecsim",
);

/// A table of prices.
pub(super) const SPOT_PRICES: Key = optional(
    "spot_prices",
    Kind::Path,
    "none",
    "CSV of Spot prices: `time_s, availability_zone, instance_type, usd_per_hour`, each in force until the next.",
    "ecsim",
);

/// Prices as AWS gives them out.
pub(super) const SPOT_HISTORY: Key = optional(
    "spot_price_history",
    Kind::List(&Kind::Path, 1_000),
    "none",
    "Spot prices as AWS gives them out, plain or compressed: the JSON of `aws ec2 describe-spot-price-history`, or CSV \
     with its names.",
    "ecsim",
);

/// Where these begin.
pub(super) const SPOT_HISTORY_START: Key = optional(
    "spot_price_start",
    Kind::Text,
    "the first record of the file; several files need it",
    "The instant of these prices that is time zero, such as \"2016-03-01T00:00:00Z\".",
    "ecsim",
);

/// What they lack.
pub(super) const SPOT_HISTORY_TYPE: Key = optional(
    "spot_price_instance_type",
    Kind::Text,
    "none",
    "Instance type of such a file that does not say it.",
    "ecsim",
);
