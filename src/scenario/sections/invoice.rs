//! Keys of what is paid of the bill.

use super::{Kind, Section, optional, required};

/// Currencies that an invoice may be in, by ISO 4217; the rate is the user's.
pub static CURRENCIES: &[&str] = &[
    "AUD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF",
    "IDR", "ILS", "INR", "JPY", "KRW", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "RON", "SEK",
    "SGD", "THB", "TRY", "TWD", "VND", "ZAR",
];

/// `[invoice]`.
pub static INVOICE: Section = Section::new(
    "invoice",
    "What was agreed on with AWS. Private discounts are in `total_usd`, in all parts of the bill and so in every comparison; what \
     single instances cost, `ec2_idle_usd` and what is told of commitments stay at public prices. Everything is told in US \
     dollars but `invoice.csv`, a metric and tables in the columns of FOCUS.",
    &[
        optional("discount", Kind::Tables(&DISCOUNT), "none", "Private discounts.", "ecsim"),
        optional(
            "currency",
            Kind::Choice(CURRENCIES),
            "US dollars",
            "The currency that the invoice is paid in; needs `per_usd`.",
            "ecsim",
        ),
        optional(
            "per_usd",
            Kind::Number(0.000_001, 1_000_000.0),
            "required with `currency`",
            "How much of it a dollar is, to a billionth.",
            "ecsim",
        ),
    ],
);

/// `[[invoice.discount]]`.
static DISCOUNT: Section = Section::new(
    "discount",
    "A private discount on one or several categories of the bill. Of those that a category is in the one with the longest name \
     holds, `all` last: one discount each, never two.",
    &[
        required(
            "category",
            Kind::Text,
            "A category as `cost.csv` names it, with those that begin with its words, or a group: `all`, `ec2`, `fargate`, \
             `fargate_spot`, `ebs`, `log`.",
            "ecsim",
        ),
        required(
            "percent",
            Kind::Number(0.0, 100.0),
            "Percent of what the category costs on the bill, whatever price that is at: list, Spot or under a commitment.",
            "ecsim",
        ),
    ],
);
