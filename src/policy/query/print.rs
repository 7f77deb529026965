//! Nodes to canonical text: operators as signs, arguments in quotes, every operand of a compound in parentheses.

use super::{Comparison, Expression, Node, Subject, Test};
use std::fmt;

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Test { subject, test, negated } => write_test(f, subject, test, *negated),
            Node::And(nodes) => write_joined(f, nodes, " and "),
            Node::Or(nodes) => write_joined(f, nodes, " or "),
            Node::Not(node) => write!(f, "not ({node})"),
        }
    }
}

fn write_joined(f: &mut fmt::Formatter<'_>, nodes: &[Node], word: &str) -> fmt::Result {
    for (i, node) in nodes.iter().enumerate() {
        write!(f, "{}({node})", if i == 0 { "" } else { word })?;
    }
    Ok(())
}

fn write_test(
    f: &mut fmt::Formatter<'_>,
    subject: &Subject,
    test: &Test,
    negated: bool,
) -> fmt::Result {
    write!(f, "{subject} ")?;
    match (test, negated) {
        (Test::Exists, false) => f.write_str("exists"),
        (Test::Exists, true) => f.write_str("!exists"),
        (Test::Compare(Comparison::Equal, value), true) => write!(f, "!= {}", Quoted(value)),
        (Test::Compare(comparison, value), _) => {
            write!(f, "{} {}", sign(*comparison), Quoted(value))
        }
        (Test::In(values), _) => {
            f.write_str(if negated { "!in [" } else { "in [" })?;
            for (i, value) in values.iter().enumerate() {
                write!(f, "{}{}", if i == 0 { "" } else { ", " }, Quoted(value))?;
            }
            f.write_str("]")
        }
        (Test::Matches(pattern), false) => write!(f, "=~ {}", Quoted(&pattern.text)),
        (Test::Matches(pattern), true) => write!(f, "!~ {}", Quoted(&pattern.text)),
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "==",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::AgentConnected => f.write_str("agentConnected"),
            Subject::AgentVersion => f.write_str("agentVersion"),
            Subject::Attribute(name) => write!(f, "attribute:{name}"),
            Subject::Ec2InstanceId => f.write_str("ec2InstanceId"),
            Subject::RegisteredAt => f.write_str("registeredAt"),
            Subject::RunningTasksCount => f.write_str("runningTasksCount"),
            Subject::TaskGroup => f.write_str("task:group"),
        }
    }
}

/// A value in the quotes that it does not contain: no value holds both kinds, since quotes end quoted text and
/// bare words have none.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') { '"' } else { '\'' };
        write!(f, "{quote}{}{quote}", self.0)
    }
}
