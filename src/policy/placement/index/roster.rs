//! Instances in order of id, by their place among those that are left: what `random` draws from.
//!
//! Ids only grow, so a newcomer is appended. One who leaves keeps the place as a gap, and from then on a Fenwick tree
//! counts who is left up to each place. Gaps are closed when they outnumber those that are left: memory follows the
//! living, and a fleet that nobody leaves is a plain list.

use crate::model::ids::InstanceId;

/// Instances, ascending.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Roster {
    /// Ascending, gaps included.
    ids: Vec<InstanceId>,
    /// `None` as long as there is no gap.
    gaps: Option<Gaps>,
}

/// Who is left of a list with gaps.
#[derive(Clone, Debug)]
struct Gaps {
    is_here: Vec<bool>,
    /// Fenwick tree: entry `i` counts who is left of the places from `i + 1 - (lowest bit of i + 1)` to `i`.
    tree: Vec<u32>,
    left: usize,
}

impl Roster {
    /// A roster of ids that ascend.
    pub(in super::super) fn new(ids: Vec<InstanceId>) -> Self {
        debug_assert!(ids.is_sorted(), "ids ascend");
        Roster { ids, gaps: None }
    }

    /// How many are left.
    #[inline]
    pub(in super::super) fn len(&self) -> usize {
        self.gaps.as_ref().map_or(self.ids.len(), |gaps| gaps.left)
    }

    /// The instance with `before` others before it.
    #[inline]
    pub(in super::super) fn nth(&self, before: usize) -> InstanceId {
        match &self.gaps {
            None => self.ids[before],
            Some(gaps) => self.ids[gaps.place_of(before)],
        }
    }

    /// Whether the instance is here.
    pub(in super::super) fn contains(&self, instance: InstanceId) -> bool {
        let place = self.ids.binary_search(&instance);
        place.is_ok_and(|place| self.gaps.as_ref().is_none_or(|gaps| gaps.is_here[place]))
    }

    /// All that are left, ascending.
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = InstanceId> + '_ {
        let is_here = move |place: usize| self.gaps.as_ref().is_none_or(|g| g.is_here[place]);
        self.ids.iter().enumerate().filter(move |(place, _)| is_here(*place)).map(|(_, &id)| id)
    }

    /// Adds an instance whose id is above all others.
    pub(super) fn push(&mut self, instance: InstanceId) {
        debug_assert!(self.ids.last().is_none_or(|&last| last < instance), "ids ascend");
        self.ids.push(instance);
        if let Some(gaps) = &mut self.gaps {
            gaps.push();
        }
    }

    /// Takes an instance out that is here.
    pub(super) fn remove(&mut self, instance: InstanceId) {
        let place = self.ids.binary_search(&instance).expect("only who is here can leave");
        let gaps = self.gaps.get_or_insert_with(|| Gaps::none(self.ids.len()));
        gaps.open(place);
        if gaps.left * 2 < self.ids.len() {
            let gaps = self.gaps.take().expect("there is a gap");
            let mut is_here = gaps.is_here.iter();
            self.ids.retain(|_| *is_here.next().expect("as many as there are places"));
            self.ids.shrink_to(self.ids.len() * 2);
        }
    }
}

impl Gaps {
    fn none(places: usize) -> Self {
        let lowest_bit = |end: usize| (end & end.wrapping_neg()) as u32;
        let tree = (1..=places).map(lowest_bit).collect();
        Gaps { is_here: vec![true; places], tree, left: places }
    }

    fn push(&mut self) {
        self.is_here.push(true);
        self.left += 1;
        let end = self.is_here.len();
        // What the new entry covers: its own place, and the entries that end before it within its span.
        let (mut sum, mut before) = (1, end - 1);
        let begin = end - (end & end.wrapping_neg());
        while before > begin {
            sum += self.tree[before - 1];
            before -= before & before.wrapping_neg();
        }
        self.tree.push(sum);
    }

    fn open(&mut self, place: usize) {
        assert!(std::mem::take(&mut self.is_here[place]), "only who is here can leave");
        self.left -= 1;
        let mut end = place + 1;
        while end <= self.tree.len() {
            self.tree[end - 1] -= 1;
            end += end & end.wrapping_neg();
        }
    }

    /// The place with `before` of those that are left before it.
    fn place_of(&self, before: usize) -> usize {
        assert!(before < self.left, "the place is among those that are left");
        let (mut place, mut rest) = (0, before as u32);
        let mut step = (self.tree.len() + 1).next_power_of_two();
        while step > 0 {
            if let Some(&count) = self.tree.get(place + step - 1)
                && count <= rest
            {
                place += step;
                rest -= count;
            }
            step /= 2;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::drawn;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(drawn(256))]

        #[test]
        fn a_roster_is_a_sorted_list(steps in proptest::collection::vec((0..5u8, any::<u16>()), 1..300)) {
            let mut roster = Roster::default();
            let (mut list, mut next) = (Vec::new(), 0);
            for (kind, which) in steps {
                if kind < 3 || list.is_empty() {
                    next += 1 + u32::from(which % 3);
                    roster.push(InstanceId(next));
                    list.push(InstanceId(next));
                } else {
                    let gone = list.remove(usize::from(which) % list.len());
                    roster.remove(gone);
                    prop_assert!(!roster.contains(gone));
                }
                prop_assert_eq!(roster.len(), list.len());
                prop_assert!(roster.iter().eq(list.iter().copied()));
                for (place, &instance) in list.iter().enumerate() {
                    prop_assert_eq!(roster.nth(place), instance);
                    prop_assert!(roster.contains(instance));
                }
            }
        }
    }
}
