//! The resources that placement counts: CPU units, memory, GPUs, network interface slots.

use std::fmt;

/// Amounts of every counted resource: what a task asks for, or what an instance has.
///
/// Host ports are not amounts; see [`super::ports`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Resources {
    /// CPU units; 1,024 are one vCPU.
    pub cpu: u32,
    /// Memory in MiB.
    pub memory: u32,
    /// Whole GPUs.
    pub gpus: u16,
    /// ENI slots for `awsvpc` tasks.
    pub enis: u16,
}

impl Resources {
    /// Nothing.
    pub const ZERO: Resources = Resources { cpu: 0, memory: 0, gpus: 0, enis: 0 };

    /// Whether `self` fits into `free` in every resource.
    #[inline]
    #[must_use]
    pub fn fits_into(self, free: Resources) -> bool {
        // `&` and not `&&`: four compares without a branch are cheaper than one misprediction.
        (self.cpu <= free.cpu)
            & (self.memory <= free.memory)
            & (self.gpus <= free.gpus)
            & (self.enis <= free.enis)
    }

    /// The same without ENI slots.
    #[must_use]
    pub fn without_enis(self) -> Resources {
        Resources { enis: 0, ..self }
    }

    /// The ENI slots alone.
    #[must_use]
    pub fn only_enis(self) -> Resources {
        Resources { enis: self.enis, ..Resources::ZERO }
    }

    /// For each resource the larger of the two.
    #[must_use]
    pub fn largest_of_each(self, other: Resources) -> Resources {
        Resources {
            cpu: self.cpu.max(other.cpu),
            memory: self.memory.max(other.memory),
            gpus: self.gpus.max(other.gpus),
            enis: self.enis.max(other.enis),
        }
    }

    /// `self + other`; `None` on overflow.
    #[inline]
    #[must_use]
    pub fn checked_add(self, other: Resources) -> Option<Resources> {
        Some(Resources {
            cpu: self.cpu.checked_add(other.cpu)?,
            memory: self.memory.checked_add(other.memory)?,
            gpus: self.gpus.checked_add(other.gpus)?,
            enis: self.enis.checked_add(other.enis)?,
        })
    }

    /// `self - other`; `None` where any resource would become negative.
    #[inline]
    #[must_use]
    pub fn checked_sub(self, other: Resources) -> Option<Resources> {
        Some(Resources {
            cpu: self.cpu.checked_sub(other.cpu)?,
            memory: self.memory.checked_sub(other.memory)?,
            gpus: self.gpus.checked_sub(other.gpus)?,
            enis: self.enis.checked_sub(other.enis)?,
        })
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} CPU units, {} MiB", self.cpu, self.memory)?;
        if self.gpus > 0 {
            write!(f, ", {} GPU{}", self.gpus, if self.gpus == 1 { "" } else { "s" })?;
        }
        if self.enis > 0 {
            write!(f, ", {} ENI slot{}", self.enis, if self.enis == 1 { "" } else { "s" })?;
        }
        Ok(())
    }
}
