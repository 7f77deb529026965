//! Whether an instance is a member. Never fails: the parser has checked every argument against its subject.

use super::{Comparison, Node, Subject, Test};
use crate::base::time::SimTime;
use std::cmp::Ordering;

/// What an expression may look at: one container instance.
pub trait InstanceView {
    /// Whether the agent is connected.
    fn agent_connected(&self) -> bool;
    /// The agent's version, such as `1.79.0`, where it is known.
    fn agent_version(&self) -> Option<&str>;
    /// The value of an attribute; `None` where the instance lacks it.
    fn attribute(&self, name: &str) -> Option<&str>;
    /// The instance's name.
    fn ec2_instance_id(&self) -> &str;
    /// When the instance registered.
    fn registered_at(&self) -> SimTime;
    /// Tasks on the instance that are not asked to stop.
    fn running_tasks_count(&self) -> u32;
    /// Whether any task group with a task on the instance passes `test`.
    fn any_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool;
}

impl Node {
    pub(super) fn holds(&self, instance: &dyn InstanceView) -> bool {
        match self {
            Node::Test { subject, test, negated } => holds(subject, test, instance) != *negated,
            Node::And(nodes) => nodes.iter().all(|node| node.holds(instance)),
            Node::Or(nodes) => nodes.iter().any(|node| node.holds(instance)),
            Node::Not(node) => !node.holds(instance),
        }
    }
}

fn holds(subject: &Subject, test: &Test, instance: &dyn InstanceView) -> bool {
    let text = |value: Option<&str>, order: Order| {
        value.is_some_and(|value| test.passes(|argument| order(value, argument), value))
    };
    match subject {
        Subject::AgentConnected => {
            text(Some(if instance.agent_connected() { "true" } else { "false" }), Ord::cmp)
        }
        Subject::AgentVersion => text(instance.agent_version(), compare_versions),
        Subject::Attribute(name) => text(instance.attribute(name), compare_values),
        Subject::Ec2InstanceId => text(Some(instance.ec2_instance_id()), compare_values),
        Subject::RegisteredAt => {
            let at = instance.registered_at();
            let parse =
                |text: &str| SimTime::parse_seconds(text.as_bytes()).unwrap_or(SimTime::ZERO);
            test.passes(|argument| at.cmp(&parse(argument)), "")
        }
        Subject::RunningTasksCount => {
            let count = instance.running_tasks_count();
            let parse = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
            test.passes(|argument| count.cmp(&parse(argument)), "")
        }
        Subject::TaskGroup => instance
            .any_group(&mut |group| test.passes(|argument| compare_values(group, argument), group)),
    }
}

type Order = fn(&str, &str) -> Ordering;

impl Test {
    /// Whether a value passes, given how it compares with an argument. `text` is what a pattern looks at.
    fn passes(&self, compared_with: impl Fn(&str) -> Ordering, text: &str) -> bool {
        match self {
            Test::Exists => true,
            Test::In(list) => list.iter().any(|argument| compared_with(argument).is_eq()),
            Test::Matches(pattern) => pattern.matches(text),
            Test::Compare(comparison, argument) => {
                let order = compared_with(argument);
                match comparison {
                    Comparison::Equal => order.is_eq(),
                    Comparison::Greater => order.is_gt(),
                    Comparison::GreaterOrEqual => order.is_ge(),
                    Comparison::Less => order.is_lt(),
                    Comparison::LessOrEqual => order.is_le(),
                }
            }
        }
    }
}

/// Equal texts are equal; two decimal numbers compare as numbers, so `2` is less than `10` and `1.0` equals `1`.
fn compare_values(value: &str, argument: &str) -> Ordering {
    match (Decimal::parse(value), Decimal::parse(argument)) {
        (Some(a), Some(b)) => a.compare(&b),
        _ => value.cmp(argument),
    }
}

fn compare_versions(value: &str, argument: &str) -> Ordering {
    let (mut a, mut b) = (value.split('.'), argument.split('.'));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match compare_values(a, b) {
                Ordering::Equal => {}
                different => return different,
            },
        }
    }
}

/// A decimal number of any length, kept as digits: no float may decide.
struct Decimal<'a> {
    negative: bool,
    /// Without leading zeros.
    whole: &'a str,
    /// Without trailing zeros.
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let is_zero = whole.is_empty() && fraction.is_empty();
        Some(Decimal { negative: unsigned.len() < text.len() && !is_zero, whole, fraction })
    }

    fn compare(&self, other: &Self) -> Ordering {
        fn size<'b>(number: &Decimal<'b>) -> (usize, &'b str, &'b str) {
            (number.whole.len(), number.whole, number.fraction)
        }
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => size(self).cmp(&size(other)),
            (true, true) => size(other).cmp(&size(self)),
        }
    }
}
