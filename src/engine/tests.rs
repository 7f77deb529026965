//! The queue against a sorted list.

use super::*;
use crate::base::time::SimTime;
use crate::random::drawn;
use proptest::prelude::*;

#[test]
fn ties_leave_by_class_and_then_in_order_of_scheduling() {
    let mut queue = Queue::new();
    let at = SimTime(1_000);
    for (class, event) in [
        (Class::Sample, 'f'),
        (Class::Demand, 'c'),
        (Class::Release, 'a'),
        (Class::Demand, 'd'),
        (Class::Release, 'b'),
        (Class::Control, 'e'),
    ] {
        queue.schedule(at, class, event);
    }
    let order: String = std::iter::from_fn(|| queue.pop().map(|(_, event)| event)).collect();
    assert_eq!(order, "abcdef");
}

#[test]
#[should_panic(expected = "in the past")]
fn an_earlier_class_of_the_present_instant_is_refused() {
    let mut queue = Queue::new();
    queue.schedule(SimTime(5), Class::Demand, ());
    queue.pop();
    queue.schedule(SimTime(5), Class::Release, ());
}

#[test]
fn cancelled_events_never_fire_and_do_not_pile_up() {
    let mut queue = Queue::new();
    for i in 0..10_000u64 {
        let ticket = queue.schedule_cancellable(SimTime(i + 1), Class::Demand, i);
        if i % 100 != 0 {
            assert!(queue.cancel(ticket));
            assert!(!queue.cancel(ticket), "a ticket is good once");
        }
        assert!(queue.entries() <= 2 * queue.len() + 65);
    }
    let fired: Vec<u64> = std::iter::from_fn(|| queue.pop().map(|(_, event)| event)).collect();
    assert_eq!(fired, (0..10_000).step_by(100).collect::<Vec<_>>());
    assert_eq!((queue.len(), queue.entries()), (0, 0));
}

#[test]
fn more_events_come_between_the_next_than_are_sorted() {
    let mut queue = Queue::new();
    let mut list = Vec::new();
    let mut number = 0u64;
    let mut add = |queue: &mut Queue<u64>, list: &mut Vec<_>, at: u64, is_cancelled: bool| {
        let class = ALL[(number * 7 % 5) as usize];
        number += 1;
        let ticket = queue.schedule_cancellable(SimTime(at), class, number);
        match is_cancelled {
            true => assert!(queue.cancel(ticket)),
            false => list.push((at, class, number)),
        }
    };
    // Ten events of one bucket of 65 milliseconds are sorted. What comes between them is more than is worth sorting.
    let begin = 3 << 16;
    (0..10).for_each(|i| add(&mut queue, &mut list, begin + i * 5_000, i % 3 == 2));
    queue.pop();
    list.remove(0);
    for i in 0..200 {
        add(&mut queue, &mut list, begin + 1 + i * i * 7_919 % 60_000, i % 4 == 1);
        add(&mut queue, &mut list, begin + 1 + i % 3, false);
    }
    list.sort_unstable();
    let popped = std::iter::from_fn(|| queue.pop().map(|(class, n)| (queue.now().0, class, n)));
    assert_eq!(popped.collect::<Vec<_>>(), list);
    assert_eq!(queue.entries(), 0);
}

#[test]
fn cancelled_events_are_dropped_from_the_next_ones_too() {
    let mut queue = Queue::new();
    let begin = 3 << 16;
    let near: Vec<Ticket> = (0..12u64)
        .map(|i| queue.schedule_cancellable(SimTime(begin + i), Class::Demand, i))
        .collect();
    assert_eq!(queue.pop(), Some((Class::Demand, 0)), "eleven are sorted");
    let far = (100..200).map(|i| queue.schedule_cancellable(SimTime(begin << 8), Class::Demand, i));
    let far: Vec<Ticket> = far.collect();
    for ticket in near[1..].iter().step_by(2).chain(&far) {
        assert!(queue.cancel(*ticket));
    }
    assert!(queue.entries() <= 2 * queue.len() + 64, "cancelled entries do not pile up");
    let left: Vec<u64> = std::iter::from_fn(|| queue.pop().map(|(_, event)| event)).collect();
    assert_eq!(left, [2, 4, 6, 8, 10]);
}

#[derive(Clone, Debug)]
enum Op {
    Push { ahead: u64, class: u8 },
    PushCancellable { ahead: u64, class: u8 },
    Cancel { which: usize },
    Pop,
}

fn op() -> impl Strategy<Value = Op> {
    let ahead = prop_oneof![Just(0u64), 0..4u64, 0..5_000u64, 0..80_000u64, 0..(1u64 << 50)];
    prop_oneof![
        4 => (ahead.clone(), 0..5u8).prop_map(|(ahead, class)| Op::Push { ahead, class }),
        2 => (ahead, 0..5u8).prop_map(|(ahead, class)| Op::PushCancellable { ahead, class }),
        1 => (0..1_000usize).prop_map(|which| Op::Cancel { which }),
        4 => Just(Op::Pop),
    ]
}

const ALL: [Class; 5] =
    [Class::Release, Class::Supply, Class::Demand, Class::Control, Class::Sample];

proptest! {
    #![proptest_config(drawn(256))]

    /// The queue agrees with a sorted list of (instant, class, sequence).
    #[test]
    fn the_queue_equals_a_sorted_list(ops in proptest::collection::vec(op(), 1..400)) {
        let mut queue = Queue::new();
        let mut list: Vec<(u64, u8, u64)> = Vec::new();
        let mut tickets = Vec::new();
        let mut open = 0u8;
        for (seq, op) in ops.into_iter().enumerate() {
            let seq = seq as u64;
            match op {
                Op::Push { ahead, class } | Op::PushCancellable { ahead, class } => {
                    let cancellable = matches!(op, Op::PushCancellable { .. });
                    let class = if ahead == 0 { class.max(open) } else { class };
                    let at = queue.now().0 + ahead;
                    list.push((at, class, seq));
                    if cancellable {
                        let ticket = queue.schedule_cancellable(SimTime(at), ALL[class as usize], seq);
                        tickets.push((ticket, seq));
                    } else {
                        queue.schedule(SimTime(at), ALL[class as usize], seq);
                    }
                }
                Op::Cancel { which } => if !tickets.is_empty() {
                    let (ticket, seq) = tickets[which % tickets.len()];
                    let stood = list.iter().position(|&(_, _, s)| s == seq);
                    prop_assert_eq!(queue.cancel(ticket), stood.is_some());
                    stood.map(|i| list.remove(i));
                },
                Op::Pop => {
                    let expected = list.iter().copied().min();
                    list.retain(|entry| Some(*entry) != expected);
                    let popped = queue.pop();
                    prop_assert_eq!(popped.map(|(c, s)| (queue.now().0, c as u8, s)), expected);
                    open = expected.map_or(open, |(_, class, _)| class);
                }
            }
            prop_assert_eq!(queue.len(), list.len());
        }
    }
}

/// What a handler does: the same of the same numbers, whoever keeps the events.
#[derive(Clone, Copy)]
enum Deed {
    Schedule { at: u64, class: u8 },
    Cancel { which: usize },
}

/// A model that draws what it does, over a list of arrivals.
struct Drawing {
    state: u64,
    arrivals: std::collections::VecDeque<u64>,
    log: Vec<(u64, u8, u64)>,
    tickets: Vec<Ticket>,
    next: u64,
}

impl Drawing {
    fn draw(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.state >> 33) % below
    }

    /// Notes what happens now, and draws what follows from it.
    fn deeds(&mut self, now: u64, class: u8, event: u64) -> Vec<Deed> {
        self.log.push((now, class, event));
        let count = if self.log.len() < 400 { self.draw(4) } else { 0 };
        (0..count)
            .map(|_| {
                let range = [1, 3, 300, 70_000, 1 << 40][self.draw(5) as usize];
                let (ahead, drawn) = (self.draw(range), self.draw(5) as u8);
                match self.draw(4) {
                    0 => Deed::Cancel { which: self.draw(1_000) as usize },
                    _ if ahead == 0 => Deed::Schedule { at: now, class: drawn.max(class) },
                    _ => Deed::Schedule { at: now + ahead, class: drawn },
                }
            })
            .collect()
    }

    fn follow(&mut self, class: Class, event: u64, queue: &mut Queue<u64>) {
        for deed in self.deeds(queue.now().0, class as u8, event) {
            match deed {
                Deed::Schedule { at, class } => {
                    let (at, class) = (SimTime(at), ALL[class as usize]);
                    self.tickets.push(queue.schedule_cancellable(at, class, self.next));
                    self.next += 1;
                }
                Deed::Cancel { which } if which < self.tickets.len() => {
                    queue.cancel(self.tickets[which]);
                }
                Deed::Cancel { .. } => {}
            }
        }
    }

    /// The slow way: one list of (instant, class, arrivals first, order of scheduling), searched for its least.
    fn by_list(mut self) -> Vec<(u64, u8, u64)> {
        let mut list: Vec<(u64, u8, bool, u64)> =
            self.arrivals.iter().map(|&at| (at, Class::Demand as u8, false, ARRIVAL)).collect();
        while let Some(&first) = list.iter().min() {
            list.remove(list.iter().position(|entry| *entry == first).expect("it is there"));
            let (now, class, _, event) = first;
            for deed in self.deeds(now, class, event) {
                match deed {
                    Deed::Schedule { at, class } => {
                        list.push((at, class, true, self.next));
                        self.next += 1;
                    }
                    Deed::Cancel { which } => list.retain(|entry| entry.3 != which as u64),
                }
            }
        }
        self.log
    }
}

/// The number of every arrival.
const ARRIVAL: u64 = u64::MAX;

impl Model for Drawing {
    type Event = u64;
    type Error = std::convert::Infallible;

    fn next_arrival(&mut self) -> Result<Option<SimTime>, Self::Error> {
        Ok(self.arrivals.front().map(|&at| SimTime(at)))
    }

    fn arrive(&mut self, queue: &mut Queue<u64>) -> Result<(), Self::Error> {
        self.arrivals.pop_front();
        self.follow(Class::Demand, ARRIVAL, queue);
        Ok(())
    }

    fn handle(
        &mut self,
        class: Class,
        event: u64,
        queue: &mut Queue<u64>,
    ) -> Result<(), Self::Error> {
        self.follow(class, event, queue);
        Ok(())
    }

    fn is_idle(&self) -> bool {
        false
    }
}

proptest! {
    #![proptest_config(drawn(256))]

    /// Arrivals and events, scheduled and cancelled by those before, happen as in one sorted list.
    #[test]
    fn the_loop_equals_a_sorted_list(
        seed in any::<u64>(),
        gaps in proptest::collection::vec(prop_oneof![Just(0u64), 0..3u64, 0..9_000u64], 1..80),
    ) {
        let sum = |at: &mut u64, gap: u64| { *at += gap; Some(*at) };
        let arrivals: std::collections::VecDeque<u64> = gaps.into_iter().scan(1, sum).collect();
        let drawing = || Drawing {
            state: seed,
            arrivals: arrivals.clone(),
            log: Vec::new(),
            tickets: Vec::new(),
            next: 0,
        };
        let mut model = drawing();
        let mut queue = Queue::new();
        let ended = run(&mut model, &mut queue, SimTime::NEVER, &Pulse::default());
        let log = drawing().by_list();
        prop_assert_eq!(ended, Ok((Outcome::Exhausted, log.len() as u64)));
        prop_assert_eq!(model.log, log);
    }
}
