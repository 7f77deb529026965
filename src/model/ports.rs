//! Static host ports by protocol. Dynamic ports (host port 0) are free of accounting.

use super::ids::PortSetId;
use crate::base::id::Column;

/// Transport protocol of a port mapping. TCP and UDP ports are kept separately (agent source, `ToHostResources`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// One static host port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostPort {
    /// Protocol.
    pub protocol: Protocol,
    /// Port number, 1 to 65,535.
    pub port: u16,
}

/// Ports that the agent keeps for itself on Linux: SSH, the Docker daemon and the agent's own
/// (ECS API reference, `PortMapping`; documented).
pub const RESERVED_LINUX_TCP: [u16; 5] = [22, 2375, 2376, 51678, 51679];

/// Most host ports that an instance has reserved at a time, those that it keeps for itself included (ECS API reference,
/// `PortMapping`; documented).
pub const MOST_RESERVED: usize = 100;

/// A sorted set of host ports, held by one task or used on one instance.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct PortSet(Vec<HostPort>);

impl PortSet {
    /// No port.
    pub const NONE: PortSet = PortSet(Vec::new());

    /// A set from any list; duplicates are dropped.
    #[must_use]
    pub fn new(mut ports: Vec<HostPort>) -> Self {
        ports.sort_unstable();
        ports.dedup();
        PortSet(ports)
    }

    /// Whether there is no port.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ports, ascending.
    #[must_use]
    pub fn as_slice(&self) -> &[HostPort] {
        &self.0
    }

    /// Whether no port is in both sets.
    #[must_use]
    pub fn is_disjoint(&self, other: &PortSet) -> bool {
        self.0.iter().all(|port| other.0.binary_search(port).is_err())
    }

    /// Whether an instance that has these reserved can reserve those of `other`, too.
    #[must_use]
    pub fn has_room_for(&self, other: &PortSet) -> bool {
        let count = self.0.len() + other.0.len();
        other.is_empty() || (count <= MOST_RESERVED && other.is_disjoint(self))
    }

    /// Adds all ports of `other`. Panics where one is held already: placement must have checked.
    pub fn take(&mut self, other: &PortSet) {
        for port in &other.0 {
            let at = self.0.binary_search(port).expect_err("a host port is held once");
            self.0.insert(at, *port);
        }
    }

    /// Removes all ports of `other`. Panics where one is not held.
    pub fn give_back(&mut self, other: &PortSet) {
        for port in &other.0 {
            let at = self.0.binary_search(port).expect("a host port that is given back was held");
            self.0.remove(at);
        }
    }
}

/// The distinct port sets of a scenario; set 0 is the empty one.
#[derive(Clone, Debug)]
pub struct PortSets(Column<PortSetId, PortSet>);

impl Default for PortSets {
    fn default() -> Self {
        PortSets(std::iter::once(PortSet::default()).collect())
    }
}

impl PortSets {
    /// The empty set.
    pub const NONE: PortSetId = PortSetId(0);

    /// The id of `set`, new or known.
    pub fn intern(&mut self, set: PortSet) -> PortSetId {
        let known = self.0.enumerate().find(|(_, known)| **known == set).map(|(id, _)| id);
        known.unwrap_or_else(|| self.0.push(set))
    }

    /// The set with this id.
    #[inline]
    #[must_use]
    pub fn get(&self, id: PortSetId) -> &PortSet {
        &self.0[id]
    }
}
