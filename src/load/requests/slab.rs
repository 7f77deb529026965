//! The requests that are alive, in the order of their arrival. Memory follows those alive.

/// No request.
pub(super) const NONE: u32 = u32::MAX;

/// Where a request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Nowhere: the slot is free.
    Gone,
    /// In the queue of messages.
    Central,
    /// Waits for a worker of its target.
    Queued,
    /// Uses CPU.
    Cpu,
    /// Waits without CPU.
    Io,
    /// A message that nobody works on and that is not visible yet.
    Hidden,
}

/// A request or message.
#[derive(Clone, Copy)]
pub(super) struct Request {
    /// Number by arrival.
    pub number: u64,
    /// Nanoseconds.
    pub arrival: u64,
    pub station: u32,
    pub place: Place,
    /// Nanoseconds without CPU, once its CPU is done.
    pub io: u64,
    pub is_error: bool,
    /// Messages: how often it was received.
    pub receives: u32,
    /// A message that has become visible while it is worked on lives on in another slot; the work here is in vain unless
    /// it ends before the message is received again.
    pub is_ghost: bool,
    /// The slot of the message whose ghost this is.
    pub twin: u32,
    older: u32,
    newer: u32,
}

/// The living, and the chain from the oldest to the newest.
pub(super) struct Slab {
    requests: Vec<Request>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    alive: u64,
}

impl Slab {
    pub fn new() -> Slab {
        Slab { requests: Vec::new(), free: Vec::new(), oldest: NONE, newest: NONE, alive: 0 }
    }

    pub fn alive(&self) -> u64 {
        self.alive
    }

    pub fn add(&mut self, number: u64, arrival: u64) -> u32 {
        let request = Request {
            number,
            arrival,
            station: NONE,
            place: Place::Central,
            io: 0,
            is_error: false,
            receives: 0,
            is_ghost: false,
            twin: NONE,
            older: self.newest,
            newer: NONE,
        };
        let slot = self.store(request);
        match self.newest {
            NONE => self.oldest = slot,
            newest => self.requests[newest as usize].newer = slot,
        }
        self.newest = slot;
        self.alive += 1;
        slot
    }

    fn store(&mut self, request: Request) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.requests[slot as usize] = request;
                slot
            }
            None => {
                self.requests.push(request);
                u32::try_from(self.requests.len() - 1).expect("fewer than 2^32 requests alive")
            }
        }
    }

    /// A message is visible again while it is worked on in `slot`: it lives on, as old as it is, in the slot that this
    /// gives; what stays behind is a ghost, which is not among the living.
    pub fn split(&mut self, slot: u32) -> u32 {
        let message = Request { place: Place::Central, ..self.requests[slot as usize] };
        let (older, newer) = (message.older, message.newer);
        let lives = self.store(message);
        match older {
            NONE => self.oldest = lives,
            older => self.requests[older as usize].newer = lives,
        }
        match newer {
            NONE => self.newest = lives,
            newer => self.requests[newer as usize].older = lives,
        }
        let ghost = &mut self.requests[slot as usize];
        (ghost.older, ghost.newer, ghost.is_ghost, ghost.twin) = (NONE, NONE, true, lives);
        lives
    }

    pub fn remove(&mut self, slot: u32) {
        let Request { older, newer, is_ghost, .. } = self.requests[slot as usize];
        if is_ghost {
            self.requests[slot as usize].place = Place::Gone;
            self.free.push(slot);
            return;
        }
        match older {
            NONE => self.oldest = newer,
            older => self.requests[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.requests[newer as usize].older = older,
        }
        self.requests[slot as usize].place = Place::Gone;
        self.free.push(slot);
        self.alive -= 1;
    }

    #[inline]
    pub fn get(&self, slot: u32) -> &Request {
        &self.requests[slot as usize]
    }

    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> &mut Request {
        &mut self.requests[slot as usize]
    }

    /// Whether `slot` holds request `number` at `place` still.
    #[inline]
    pub fn holds(&self, slot: u32, number: u64, place: Place) -> bool {
        let request = &self.requests[slot as usize];
        request.number == number && request.place == place
    }

    pub fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }
}
