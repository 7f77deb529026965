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

#[derive(Clone, Debug)]
enum Op {
    Push { ahead: u64, class: u8 },
    PushCancellable { ahead: u64, class: u8 },
    Cancel { which: usize },
    Pop,
}

fn op() -> impl Strategy<Value = Op> {
    let ahead = prop_oneof![Just(0u64), 0..4u64, 0..5_000u64, 0..(1u64 << 50)];
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
