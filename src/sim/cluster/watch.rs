//! When something last began or ended on each instance: ECS Managed Instances that are quiet for long enough may go.

use super::Cluster;
use crate::base::id::Id as _;
use crate::base::time::SimTime;
use crate::model::ids::InstanceId;

/// Instants by instance; none where nobody asks.
#[derive(Default)]
pub struct Watch {
    touched: Vec<SimTime>,
    /// Whether anything has been touched since somebody asked.
    is_stirred: bool,
}

impl Cluster {
    /// From now on instants are kept.
    pub fn watch_instances(&mut self) {
        self.watch = Some(Box::default());
    }

    #[inline]
    pub(super) fn touch(&mut self, now: SimTime, instance: InstanceId) {
        if let Some(watch) = &mut self.watch {
            if watch.touched.len() <= instance.index() {
                watch.touched.resize(instance.index() + 1, SimTime::ZERO);
            }
            watch.touched[instance.index()] = now;
            watch.is_stirred = true;
        }
    }

    /// When the instance registered, or a task on it last began or ended.
    #[must_use]
    pub fn touched(&self, instance: InstanceId) -> SimTime {
        let watch = self.watch.as_ref();
        watch
            .and_then(|watch| watch.touched.get(instance.index()).copied())
            .unwrap_or(SimTime::ZERO)
    }

    /// Whether anything has changed on an instance since [`Cluster::calm`].
    #[inline]
    #[must_use]
    pub fn is_stirred(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.is_stirred)
    }

    /// Whoever asked has heard.
    pub fn calm(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.is_stirred = false;
        }
    }
}
