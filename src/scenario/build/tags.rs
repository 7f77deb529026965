//! Tags of services, callers and capacity providers.

use super::Build;
use crate::base::id::Id as _;
use crate::model::ids::SourceId;
use crate::scenario::Tags;
use crate::scenario::settings::Settings;
use std::collections::BTreeMap;

/// Most tags of a resource (documented, ECS developer guide).
const MOST: usize = 50;

impl Build<'_> {
    /// All tags; callers and services are numbered as the setup does, which is right where nothing was wrong.
    pub(super) fn tags(&mut self, root: &Settings) -> Tags {
        let mut tags = Tags::default();
        for settings in root.tables("capacity_provider") {
            let own = self.own_tags(settings);
            let known = settings.text("name").and_then(|name| self.provider_names.get(name));
            if let Some(id) = known.filter(|_| !own.is_empty()) {
                tags.of_providers.insert(*id, own);
            }
        }
        let owners: Vec<&Settings> =
            root.tables("run_task").chain(root.tables("service")).collect();
        for (index, settings) in owners.into_iter().enumerate() {
            let own = self.own_tags(settings);
            if !own.is_empty() {
                tags.of_owners.insert(SourceId::from_index(index), own);
            }
        }
        tags
    }

    fn own_tags(&mut self, settings: &Settings) -> BTreeMap<String, String> {
        let tags = settings.attributes("tags");
        if tags.len() > MOST {
            let message = format!("{} tags; at most {MOST}", tags.len());
            self.error(settings.place_of("tags"), message);
        }
        tags.iter().map(|tag| (tag.name.clone(), tag.value.clone())).collect()
    }
}
