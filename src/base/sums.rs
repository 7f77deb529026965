//! Sums by key: found by hash, since one is added to for each task that stops, and walked in order of keys.

use super::lookup::Lookup;
use std::hash::Hash;

/// Values by key.
#[derive(Clone, Debug)]
pub struct Sums<K, V> {
    places: Lookup<K, u32>,
    values: Vec<(K, V)>,
}

impl<K, V> Default for Sums<K, V> {
    fn default() -> Self {
        Sums { places: Lookup::default(), values: Vec::new() }
    }
}

impl<K: Ord + Hash + Copy, V: Default> Sums<K, V> {
    /// The value of `key`; a new one where there is none.
    #[inline]
    pub fn at(&mut self, key: K) -> &mut V {
        let next = self.values.len();
        let place = *self
            .places
            .get_or_insert_with(key, || u32::try_from(next).expect("fewer than 2^32 sums"))
            as usize;
        if place == next {
            self.values.push((key, V::default()));
        }
        &mut self.values[place].1
    }

    /// The value of `key`, where there is one.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.places.get(key).map(|&place| &mut self.values[place as usize].1)
    }

    /// All of them in order of keys. Sorts.
    #[must_use]
    pub fn in_order(&self) -> Vec<&(K, V)> {
        let mut all: Vec<_> = self.values.iter().collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn sums_are_those_of_an_ordered_map_in_its_order() {
        let (mut sums, mut map) = (Sums::default(), BTreeMap::new());
        for (key, amount) in [(3, 1), (3, 2), (1, 5), (3, 7), (2, 1), (1, 1), (2, 2)] {
            *sums.at(key) += amount;
            *map.entry(key).or_insert(0) += amount;
            assert!(sums.in_order().into_iter().copied().eq(map.clone()));
        }
        assert_eq!(sums.get_mut(&4), None);
        *sums.get_mut(&1).expect("it is there") -= 6;
        assert_eq!(*sums.at(1), 0);
    }
}
