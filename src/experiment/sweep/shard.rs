//! Which part of a grid one of several processes runs.

/// Part `number` of `count`; the first is 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    number: u32,
    count: u32,
}

/// Most shards: the largest array of AWS Batch.
const MOST: u32 = 10_000;

impl Shard {
    /// The whole grid.
    pub const WHOLE: Shard = Shard { number: 1, count: 1 };

    /// Part `number` of `count`.
    ///
    /// # Errors
    /// A clause that says what is wrong with the numbers.
    pub fn new(number: u64, count: u64) -> Result<Shard, String> {
        if count == 0 || count > u64::from(MOST) {
            return Err(format!("{count} shards: from 1 to {MOST}"));
        }
        if number == 0 || number > count {
            return Err(format!(
                "there is no shard {number} of {count}: the first is 1, the last {count}"
            ));
        }
        // Both are at most MOST.
        Ok(Shard { number: number as u32, count: count as u32 })
    }

    /// Parses `I/N`.
    ///
    /// # Errors
    /// A clause that says what is wrong.
    pub fn parse(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/').and_then(|(number, count)| {
            Some((number.parse::<u64>().ok()?, count.parse::<u64>().ok()?))
        });
        let (number, count) = parts.ok_or("expected I/N, such as 3/16, or auto")?;
        Shard::new(number, count)
    }

    /// Whether it is the whole grid.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.count == 1
    }

    /// Which of `ids` are in it, in order: those whose rank among all of them, divided by the number of shards, leaves its
    /// own number. Ids are digests, so that long and short cells are spread evenly, and the shares differ by one at most.
    #[must_use]
    pub fn of(self, ids: &[String]) -> Vec<usize> {
        let mut ranked: Vec<usize> = (0..ids.len()).collect();
        ranked.sort_by(|a, b| ids[*a].cmp(&ids[*b]).then(a.cmp(b)));
        let own = ranked.into_iter().skip(self.number as usize - 1).step_by(self.count as usize);
        let mut own: Vec<usize> = own.collect();
        own.sort_unstable();
        own
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}
