//! A running digest of what happened, so that two runs can be compared event by event.

/// Folds 64-bit words into a 64-bit digest. Not cryptographic: it finds accidents, not adversaries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Digest(0x6a09_e667_f3bc_c908)
    }
}

impl Digest {
    /// Adds one word; the order of words matters.
    #[inline]
    pub fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    /// The digest of all words so far.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_depends_on_the_order_of_words() {
        let of = |words: &[u64]| {
            let mut digest = Digest::default();
            words.iter().for_each(|&w| digest.add(w));
            digest.value()
        };
        assert_eq!(of(&[1, 2, 3]), of(&[1, 2, 3]));
        assert_ne!(of(&[1, 2, 3]), of(&[1, 3, 2]));
        assert_ne!(of(&[0]), of(&[0, 0]));
    }
}
