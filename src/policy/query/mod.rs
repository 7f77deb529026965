//! The cluster query language of `memberOf` constraints: text in, a checked expression out, evaluated per instance.
//!
//! Source: developer guide, "Cluster query language" (documented). Language:
//! ```text
//! expression := subject operator [argument] | compound
//! subject    := agentConnected | agentVersion | attribute:NAME | ec2InstanceId | registeredAt
//!             | runningTasksCount | task:group
//! operator   := == equals             != not_equals     >  greater_than   >= greater_than_equal
//!             | <  less_than          <= less_than_equal   exists         !exists not_exists
//!             | in   !in not_in       =~ matches        !~ not_matches
//! compound   := expression and|&& expression | expression or||| expression | not|! expression | (expression)
//! list       := [a, b, c]
//! ```
//! Where the guide is silent, this is the rule here (assumed):
//! - `and` binds tighter than `or`, `not` tighter than both. Parentheses may enclose any expression.
//! - Names of operators and of `and`, `or`, `not`, `in`, `exists` are lower case, subjects are spelt exactly.
//! - An argument is a bare word, or text in single or double quotes, in which nothing is an escape.
//! - A missing attribute fulfils no positive test, and fulfils `!=`, `!exists`, `!in` and `!~`, each of which is
//!   exactly the negation of its positive twin.
//! - `<` and its kin compare as numbers where both sides are decimal numbers, else byte by byte; `agentVersion`
//!   compares part by part (`1.10` is after `1.9`).
//! - `registeredAt` is compared with decimal seconds since the beginning of the run.
//! - `task:group` has as many values as groups run on the instance: a positive test asks for one that fulfils it.
//! - `=~` must match the whole value, as Java's `matches()` does. The dialect is that of the `regex` crate:
//!   look-around, back-references, atomic groups and possessive quantifiers are refused with their position.

mod evaluate;
mod lexer;
mod parser;
mod pattern;
mod print;

pub use evaluate::InstanceView;
use pattern::Pattern;

/// Most characters of an expression (API reference, `PlacementConstraint`; documented).
pub const MAX_CHARACTERS: usize = 2_000;
/// Deepest nesting of parentheses in the text. Ours; it bounds the stack.
pub const MAX_DEPTH: usize = 64;
/// Deepest nesting of compounds, parentheses that group nothing not counted. Ours, and less than [`MAX_DEPTH`], since
/// canonical text has a pair of parentheses for every compound.
const MAX_COMPOUNDS: usize = 32;

/// A parsed expression. `Display` prints canonical text, which parses to an equal expression where it has at most
/// [`MAX_CHARACTERS`] (it may be longer than the text that was parsed).
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Node);

/// Why an expression was refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// Byte offset in the text.
    pub at: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// What a test looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    AgentConnected,
    AgentVersion,
    Attribute(String),
    Ec2InstanceId,
    RegisteredAt,
    RunningTasksCount,
    TaskGroup,
}

/// The positive half of each pair of operators, with its argument.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    Exists,
    Compare(Comparison, String),
    In(Vec<String>),
    Matches(Pattern),
}

/// The comparing operators. `!=` is a negated `Equal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    /// `negated` tells `!=`, `!exists`, `!in` and `!~` from their twins.
    Test {
        subject: Subject,
        test: Test,
        negated: bool,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
}

impl Expression {
    /// Parses a cluster query expression of at most 2,000 characters.
    ///
    /// # Errors
    /// [`QueryError`] with the byte offset, what was expected and the nearest known name.
    ///
    /// ```
    /// use ecsim::policy::query::Expression;
    /// let expression = Expression::parse("attribute:ecs.instance-type =~ m7g.* && !(task:group == batch)")?;
    /// assert_eq!(
    ///     expression.to_string(),
    ///     "(attribute:ecs.instance-type =~ 'm7g.*') and (not (task:group == 'batch'))"
    /// );
    /// assert_eq!(Expression::parse("runningTaskCount < 3").unwrap_err().at, 0);
    /// # Ok::<(), ecsim::policy::query::QueryError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Expression, QueryError> {
        if let Some((at, _)) = text.char_indices().nth(MAX_CHARACTERS) {
            let message = format!("an expression has at most {MAX_CHARACTERS} characters");
            return Err(QueryError { at, message });
        }
        let node = parser::parse(text)?;
        if node.depth() > MAX_COMPOUNDS {
            let message = format!("compounds nest at most {MAX_COMPOUNDS} deep");
            return Err(QueryError { at: 0, message });
        }
        Ok(Expression(node))
    }

    /// Whether the answer depends only on what an instance brought when it registered, and so never changes.
    #[must_use]
    pub fn is_static(&self) -> bool {
        self.0.all_subjects(&mut |subject| {
            !matches!(
                subject,
                Subject::AgentConnected | Subject::RunningTasksCount | Subject::TaskGroup
            )
        })
    }

    /// Whether the answer depends on the task groups that run on an instance.
    #[must_use]
    pub fn asks_for_groups(&self) -> bool {
        !self.0.all_subjects(&mut |subject| *subject != Subject::TaskGroup)
    }

    /// Whether it asks for nothing but these attributes.
    #[must_use]
    pub fn asks_only_for(&self, attributes: &[&str]) -> bool {
        self.0.all_subjects(&mut |subject| match subject {
            Subject::Attribute(name) => attributes.contains(&name.as_str()),
            _ => false,
        })
    }

    /// Whether `instance` is a member.
    pub fn holds(&self, instance: &dyn InstanceView) -> bool {
        self.0.holds(instance)
    }
}

impl Node {
    fn depth(&self) -> usize {
        match self {
            Node::Test { .. } => 0,
            Node::And(nodes) | Node::Or(nodes) => {
                1 + nodes.iter().map(Node::depth).max().unwrap_or(0)
            }
            Node::Not(node) => 1 + node.depth(),
        }
    }

    fn all_subjects(&self, ask: &mut dyn FnMut(&Subject) -> bool) -> bool {
        match self {
            Node::Test { subject, .. } => ask(subject),
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().all(|node| node.all_subjects(ask)),
            Node::Not(node) => node.all_subjects(ask),
        }
    }
}

#[cfg(test)]
mod tests;
