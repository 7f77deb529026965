//! Tokens to nodes, by recursive descent: `or` of `and`s of negations of tests.

use super::lexer::{Lexer, Token};
use super::{Comparison, MAX_DEPTH, Node, Pattern, QueryError, Subject, Test};
use crate::base::decimal::parse_whole;
use crate::base::suggest::nearest;
use crate::base::time::SimTime;

const SUBJECTS: [&str; 7] = [
    "agentConnected",
    "agentVersion",
    "attribute:",
    "ec2InstanceId",
    "registeredAt",
    "runningTasksCount",
    "task:group",
];

const OPERATORS: [&str; 12] = [
    "equals",
    "not_equals",
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
    "exists",
    "not_exists",
    "in",
    "not_in",
    "matches",
    "not_matches",
];

/// Most characters of an attribute's name or value (documented).
const MAX_ATTRIBUTE_CHARACTERS: usize = 128;

/// An operator before its argument: what it asks, and whether it negates.
type Operator = (Kind, bool);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Compare(Comparison),
    Exists,
    In,
    Matches,
}

pub(super) fn parse(text: &str) -> Result<Node, QueryError> {
    let mut parser = Parser { lexer: Lexer::new(text)?, depth: 0 };
    let node = parser.disjunction()?;
    match parser.lexer.next {
        Token::End => Ok(node),
        _ => Err(parser.expected("\"and\", \"or\" or the end of the expression")),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn disjunction(&mut self) -> Result<Node, QueryError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("compounds nest at most {MAX_DEPTH} deep")));
        }
        let mut nodes = vec![self.conjunction()?];
        while matches!(self.lexer.next, Token::Word("or") | Token::Sign("||")) {
            self.lexer.advance()?;
            nodes.push(self.conjunction()?);
        }
        self.depth -= 1;
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Or(nodes) })
    }

    fn conjunction(&mut self) -> Result<Node, QueryError> {
        let mut nodes = vec![self.negation()?];
        while matches!(self.lexer.next, Token::Word("and") | Token::Sign("&&")) {
            self.lexer.advance()?;
            nodes.push(self.negation()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::And(nodes) })
    }

    fn negation(&mut self) -> Result<Node, QueryError> {
        let mut negations = 0;
        while matches!(self.lexer.next, Token::Word("not") | Token::Sign("!")) {
            self.lexer.advance()?;
            negations += 1;
            if negations > MAX_DEPTH {
                return Err(self.error(format!("\"not\" is repeated at most {MAX_DEPTH} times")));
            }
        }
        let mut node = match self.lexer.next {
            Token::Sign("(") => {
                self.lexer.advance()?;
                let node = self.disjunction()?;
                self.take(")")?;
                node
            }
            _ => self.test()?,
        };
        for _ in 0..negations {
            node = Node::Not(Box::new(node));
        }
        Ok(node)
    }

    fn test(&mut self) -> Result<Node, QueryError> {
        let subject = self.subject()?;
        let operator_at = self.lexer.at;
        let (kind, negated) = self.operator()?;
        check_operator(&subject, kind)
            .map_err(|message| QueryError { at: operator_at, message })?;
        let test = match kind {
            Kind::Exists => Test::Exists,
            Kind::Compare(comparison) => Test::Compare(comparison, self.argument(&subject)?),
            Kind::In => Test::In(self.list(&subject)?),
            Kind::Matches => {
                let at = self.lexer.at + usize::from(matches!(self.lexer.next, Token::Quoted(_)));
                let text = self.lexer.pattern()?;
                if text.is_empty() {
                    return Err(QueryError { at, message: "expected a pattern".into() });
                }
                let pattern = Pattern::new(text)
                    .map_err(|(offset, message)| QueryError { at: at + offset, message })?;
                Test::Matches(pattern)
            }
        };
        Ok(Node::Test { subject, test, negated })
    }

    fn subject(&mut self) -> Result<Subject, QueryError> {
        let Token::Word(word) = self.lexer.next else {
            return Err(self.expected("a subject, such as attribute:ecs.instance-type"));
        };
        let subject = match word {
            "agentConnected" => Subject::AgentConnected,
            "agentVersion" => Subject::AgentVersion,
            "ec2InstanceId" => Subject::Ec2InstanceId,
            "registeredAt" => Subject::RegisteredAt,
            "runningTasksCount" => Subject::RunningTasksCount,
            "task:group" => Subject::TaskGroup,
            _ => match word.strip_prefix("attribute:") {
                Some("") => return Err(self.error("attribute: needs a name".into())),
                Some(name) if name.chars().count() > MAX_ATTRIBUTE_CHARACTERS => {
                    let most = MAX_ATTRIBUTE_CHARACTERS;
                    return Err(
                        self.error(format!("an attribute's name has at most {most} characters"))
                    );
                }
                Some(name) => Subject::Attribute(name.into()),
                None => return Err(self.unknown("subject", word, &SUBJECTS)),
            },
        };
        self.lexer.advance()?;
        Ok(subject)
    }

    fn operator(&mut self) -> Result<Operator, QueryError> {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
        let operator = match self.lexer.next {
            Token::Sign("==") | Token::Word("equals") => (Kind::Compare(Equal), false),
            Token::Sign("!=") | Token::Word("not_equals") => (Kind::Compare(Equal), true),
            Token::Sign(">") | Token::Word("greater_than") => (Kind::Compare(Greater), false),
            Token::Sign(">=") | Token::Word("greater_than_equal") => {
                (Kind::Compare(GreaterOrEqual), false)
            }
            Token::Sign("<") | Token::Word("less_than") => (Kind::Compare(Less), false),
            Token::Sign("<=") | Token::Word("less_than_equal") => {
                (Kind::Compare(LessOrEqual), false)
            }
            Token::Word("exists") => (Kind::Exists, false),
            Token::Word("not_exists") => (Kind::Exists, true),
            Token::Word("in") => (Kind::In, false),
            Token::Word("not_in") => (Kind::In, true),
            Token::Sign("=~") | Token::Word("matches") => (Kind::Matches, false),
            Token::Sign("!~") | Token::Word("not_matches") => (Kind::Matches, true),
            Token::Sign("!") => {
                self.lexer.advance()?;
                match self.lexer.next {
                    Token::Word("exists") => (Kind::Exists, true),
                    Token::Word("in") => (Kind::In, true),
                    _ => return Err(self.expected("\"exists\" or \"in\" after \"!\"")),
                }
            }
            Token::Sign("=") => {
                return Err(self.error("\"=\" is not an operator; did you mean \"==\"?".into()));
            }
            Token::Word(word) => return Err(self.unknown("operator", word, &OPERATORS)),
            _ => return Err(self.expected("an operator, such as == or exists")),
        };
        self.lexer.advance()?;
        Ok(operator)
    }

    fn argument(&mut self, subject: &Subject) -> Result<String, QueryError> {
        let (Token::Word(text) | Token::Quoted(text)) = self.lexer.next else {
            return Err(self.expected("a value"));
        };
        check_argument(subject, text).map_err(|message| self.error(message))?;
        self.lexer.advance()?;
        Ok(text.into())
    }

    fn list(&mut self, subject: &Subject) -> Result<Vec<String>, QueryError> {
        self.take("[")?;
        let mut items = vec![self.argument(subject)?];
        while self.lexer.next == Token::Sign(",") {
            self.lexer.advance()?;
            items.push(self.argument(subject)?);
        }
        self.take("]")?;
        Ok(items)
    }

    fn take(&mut self, sign: &'static str) -> Result<(), QueryError> {
        if self.lexer.next != Token::Sign(sign) {
            return Err(self.expected(&format!("\"{sign}\"")));
        }
        self.lexer.advance().map(drop)
    }

    fn error(&self, message: String) -> QueryError {
        QueryError { at: self.lexer.at, message }
    }

    fn expected(&self, what: &str) -> QueryError {
        let found = match self.lexer.next {
            Token::Word(word) => format!("\"{word}\""),
            Token::Quoted(text) => format!("the text '{text}'"),
            Token::Sign(sign) => format!("\"{sign}\""),
            Token::End => "the end of the expression".into(),
        };
        self.error(format!("expected {what}, found {found}"))
    }

    fn unknown(&self, what: &str, word: &str, known: &[&'static str]) -> QueryError {
        let hint = nearest(word, known.iter().copied())
            .map_or(String::new(), |name| format!("did you mean \"{name}\"? "));
        let list = known.join(", ");
        self.error(format!("unknown {what} \"{word}\"; {hint}valid: {list}"))
    }
}

/// Patterns are for text, order is for everything that is not a truth value.
fn check_operator(subject: &Subject, kind: Kind) -> Result<(), String> {
    let equality = matches!(kind, Kind::Exists | Kind::In | Kind::Compare(Comparison::Equal));
    match subject {
        Subject::AgentConnected if !equality => {
            Err("agentConnected is true or false; use == or !=".into())
        }
        Subject::RunningTasksCount | Subject::RegisteredAt if kind == Kind::Matches => {
            Err("a number has no pattern; use ==, <, <=, > or >=".into())
        }
        _ => Ok(()),
    }
}

fn check_argument(subject: &Subject, text: &str) -> Result<(), String> {
    match subject {
        Subject::AgentConnected if text != "true" && text != "false" => {
            Err(format!("agentConnected is true or false, not \"{text}\""))
        }
        Subject::RunningTasksCount
            if parse_whole(text.as_bytes(), u64::from(u32::MAX)).is_err() =>
        {
            Err(format!("runningTasksCount is a whole number, not \"{text}\""))
        }
        Subject::RegisteredAt if SimTime::parse_seconds(text.as_bytes()).is_err() => Err(format!(
            "registeredAt is seconds since the beginning, such as 3600, not \"{text}\""
        )),
        Subject::Attribute(_) if text.chars().count() > MAX_ATTRIBUTE_CHARACTERS => {
            Err(format!("an attribute's value has at most {MAX_ATTRIBUTE_CHARACTERS} characters"))
        }
        _ => Ok(()),
    }
}
