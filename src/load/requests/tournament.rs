//! A tree that knows the least of many keys: O(log n) to change one, O(1) to read. Of equal keys the lowest index wins.

/// Keys by index; absent ones are `None` and lose.
pub(in crate::load) struct Tournament<K> {
    keys: Vec<Option<K>>,
    /// Winner below each node; node 1 is the root, leaf `i` is node `leaves + i`.
    winners: Vec<u32>,
    leaves: usize,
}

impl<K: Ord + Copy> Tournament<K> {
    pub fn new(size: usize) -> Tournament<K> {
        let leaves = size.next_power_of_two().max(1);
        let mut winners = vec![0; 2 * leaves];
        for node in (1..2 * leaves).rev() {
            winners[node] = if node >= leaves { (node - leaves) as u32 } else { winners[2 * node] };
        }
        Tournament { keys: vec![None; leaves], winners, leaves }
    }

    /// Sets the key of `index`; the tree grows as needed.
    pub fn set(&mut self, index: usize, key: Option<K>) {
        if index >= self.leaves {
            let mut larger = Tournament::new(index + 1);
            for (at, old) in self.keys.iter().enumerate().filter(|(_, old)| old.is_some()) {
                larger.set(at, *old);
            }
            *self = larger;
        }
        if self.keys[index] == key {
            return;
        }
        self.keys[index] = key;
        let mut node = (self.leaves + index) / 2;
        while node > 0 {
            let (a, b) = (self.winners[2 * node], self.winners[2 * node + 1]);
            self.winners[node] = match (self.keys[a as usize], self.keys[b as usize]) {
                (Some(x), Some(y)) if y < x => b,
                (None, Some(_)) => b,
                _ => a,
            };
            node /= 2;
        }
    }

    /// The least key and its index.
    #[inline]
    pub fn least(&self) -> Option<(K, usize)> {
        let winner = self.winners[1] as usize;
        self.keys[winner].map(|key| (key, winner))
    }
}
