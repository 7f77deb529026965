//! Private discounts and the currency of the invoice.

use super::Build;
use crate::base::suggest::nearest;
use crate::pricing::Terms;
use crate::pricing::terms::{ALL, Currency, Discount, GROUPS, PERCENT_PARTS, names};
use crate::scenario::diagnostic::quoted;
use crate::scenario::sections::CURRENCIES;
use crate::scenario::settings::Settings;
use crate::scenario::tree::Place;
use std::collections::BTreeMap;

impl Build<'_> {
    /// What is paid of the bill; nothing said: all of it, in dollars.
    pub(super) fn terms(&mut self, root: &Settings) -> Terms {
        let Some(settings) = root.table("invoice") else { return Terms::default() };
        let mut taken = BTreeMap::new();
        let mut discounts = Vec::new();
        for one in settings.tables("discount") {
            let category = one.text("category").unwrap_or(ALL).to_string();
            let place = one.value_place("category");
            let percent = one.number("percent").unwrap_or(0.0);
            let parts = (percent * f64::from(PERCENT_PARTS)).round() as u32;
            let discount = Discount { category, parts };
            if !names().any(|name| name == discount.category) {
                self.unknown_category(&discount.category, place);
            } else if self.take_name(&mut taken, &discount.category, place, "discount of") {
                discounts.push(discount);
            }
        }
        Terms { discounts, currency: self.currency(settings) }
    }

    fn unknown_category(&mut self, category: &str, place: Place) {
        let message = format!("the bill has no category {}", quoted(category));
        let longer = |name: &&str| !category.is_empty() && name.starts_with(category);
        let near = names().find(longer).or_else(|| nearest(category, names()));
        let hint = near.map_or(String::new(), |name| format!("did you mean {}? ", quoted(name)));
        let groups = GROUPS.map(quoted).join(", ");
        let help = format!("{hint}valid: {groups}, and every category of `cost.csv`");
        self.error_with_help(place, message, help);
    }

    fn currency(&mut self, settings: &Settings) -> Option<Currency> {
        let (code, per_usd) = (settings.text("currency"), settings.number("per_usd"));
        match (code, per_usd) {
            (Some(code), Some(per_usd)) => {
                let code = CURRENCIES.iter().find(|known| **known == code)?;
                Some(Currency { code, nanos_per_usd: (per_usd * 1e9).round() as u64 })
            }
            (Some(_), None) if !settings.is_given("per_usd") => {
                let message = "`currency` without `per_usd`";
                let help = "say how much of it a dollar is: `per_usd = 0.92`";
                self.error_with_help(settings.place_of("currency"), message, help);
                None
            }
            (None, Some(_)) if !settings.is_given("currency") => {
                let message = "`per_usd` without `currency`";
                self.error_with_help(settings.place_of("per_usd"), message, "say of what");
                None
            }
            _ => None,
        }
    }
}
