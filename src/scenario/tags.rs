//! Tags for cost allocation: on services, callers and capacity providers.

use crate::model::ids::{ProviderId, SourceId};
use std::collections::{BTreeMap, BTreeSet};

/// Tags of one thing.
type Own = BTreeMap<String, String>;

/// All tags of a scenario.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tags {
    /// Of callers, which have the first numbers, and services.
    pub of_owners: BTreeMap<SourceId, Own>,
    /// Of capacity providers.
    pub of_providers: BTreeMap<ProviderId, Own>,
}

impl Tags {
    /// Whether nothing has a tag.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of_owners.is_empty() && self.of_providers.is_empty()
    }

    /// Every key that anything has, in alphabetical order.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<&str> {
        let all = self.of_owners.values().chain(self.of_providers.values());
        all.flat_map(|own| own.keys().map(String::as_str)).collect()
    }

    /// The value of a tag for a part of the bill: its owner's, else its capacity provider's.
    #[must_use]
    pub fn value(
        &self,
        key: &str,
        owner: Option<SourceId>,
        provider: Option<ProviderId>,
    ) -> Option<&str> {
        let of_owner = owner.and_then(|owner| self.of_owners.get(&owner)?.get(key));
        let of_provider = || provider.and_then(|id| self.of_providers.get(&id)?.get(key));
        of_owner.or_else(of_provider).map(String::as_str)
    }
}
