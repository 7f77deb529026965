//! Names that a trace mentions, each kept once.

use super::problem::{Fault, Faulty, shown};
use crate::base::lookup::Lookup;
use crate::model::arrival::NameId;

/// Most distinct names: memory must not grow with the trace.
const MAX_NAMES: usize = 100_000;

/// Longest name, as in ECS.
const MAX_NAME_LENGTH: usize = 255;

/// Distinct names in order of first mention.
#[derive(Default)]
pub(super) struct Names {
    ids: Lookup<String, u32>,
    all: Vec<String>,
    /// The name asked for last: neighbouring rows often share it.
    last: u32,
}

impl Names {
    /// All names; [`NameId`] is the index.
    pub fn all(&self) -> &[String] {
        &self.all
    }

    /// The id of the name in field `index`; `None` where the field is empty.
    #[inline]
    pub fn id(&mut self, name: &[u8], index: usize, column: &str) -> Faulty<Option<NameId>> {
        if name.is_empty() {
            return Ok(None);
        }
        if self.all.get(self.last as usize).is_some_and(|last| last.as_bytes() == name) {
            return Ok(Some(NameId(self.last)));
        }
        let known = std::str::from_utf8(name).ok().and_then(|name| self.ids.get(name).copied());
        self.last = match known {
            Some(id) => id,
            None => self.add(name, index, column)?,
        };
        Ok(Some(NameId(self.last)))
    }

    #[cold]
    fn add(&mut self, name: &[u8], index: usize, column: &str) -> Faulty<u32> {
        let fault = |what: &str| {
            let text = format!("{column} is {}: {what}", shown(name));
            Fault::field(index, "not a valid name", text)
        };
        if name.len() > MAX_NAME_LENGTH {
            return Err(fault("longer than 255 characters"));
        }
        let starts_well = name[0].is_ascii_alphanumeric() || name[0] == b'_';
        if !starts_well || !name.iter().all(|b| b.is_ascii_alphanumeric() || b"-_:./".contains(b)) {
            return Err(fault("not a valid name")
                .help("letters, digits and - _ : . / after a first letter, digit or _"));
        }
        if self.all.len() == MAX_NAMES {
            return Err(fault("one distinct name too many; the most is 100000"));
        }
        let id = self.all.len() as u32;
        let name = String::from_utf8_lossy(name).into_owned();
        self.ids.insert(name.clone(), id);
        self.all.push(name);
        Ok(id)
    }
}
