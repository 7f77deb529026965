//! Text to tokens. Every token knows its byte offset; an operator may touch its neighbours (`a==b`).

use super::QueryError;

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A bare word: a subject, an operator's name or an argument.
    Word(&'a str),
    /// Text between quotes.
    Quoted(&'a str),
    /// An operator or a mark that is spelt with signs.
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// Longest first, so that `>=` is not taken for `>`.
const SIGNS: [&str; 17] =
    ["==", "!=", ">=", "<=", "=~", "!~", "&&", "||", ">", "<", "!", "(", ")", "[", "]", ",", "="];

/// Reads one token after another, with one token of look-ahead.
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// Where the token in `next` begins.
    pub(super) at: usize,
    end: usize,
    pub(super) next: Token<'a>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, QueryError> {
        let mut lexer = Lexer { text, at: 0, end: 0, next: Token::End };
        lexer.advance()?;
        Ok(lexer)
    }

    /// Takes the present token and reads the following one.
    pub(super) fn advance(&mut self) -> Result<Token<'a>, QueryError> {
        let rest = &self.text[self.end..];
        let trimmed = rest.trim_start();
        self.at = self.text.len() - trimmed.len();
        let (token, length) = if trimmed.is_empty() {
            (Token::End, 0)
        } else if let Some(quote) = trimmed.chars().next().filter(|c| matches!(c, '\'' | '"')) {
            let inner = &trimmed[1..];
            let length = inner.find(quote).ok_or_else(|| self.unclosed(quote))?;
            (Token::Quoted(&inner[..length]), length + 2)
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| trimmed.starts_with(sign)) {
            (Token::Sign(sign), sign.len())
        } else {
            let length = trimmed.find(ends_word).unwrap_or(trimmed.len()).max(1);
            let length = (length..=trimmed.len())
                .find(|&at| trimmed.is_char_boundary(at))
                .unwrap_or(trimmed.len());
            (Token::Word(&trimmed[..length]), length)
        };
        self.end = self.at + length;
        Ok(std::mem::replace(&mut self.next, token))
    }

    /// Takes the argument of `=~`, whose bare form may hold any sign: it ends at white space, or at a parenthesis
    /// that closes none of its own. The token in `next` is its beginning.
    pub(super) fn pattern(&mut self) -> Result<&'a str, QueryError> {
        if let Token::Quoted(text) = self.next {
            self.advance()?;
            return Ok(text);
        }
        let rest = &self.text[self.at..];
        let (mut open, mut in_class, mut escaped, mut length) = (0u32, false, false, rest.len());
        for (at, c) in rest.char_indices() {
            if c.is_whitespace() || (c == ')' && open == 0 && !in_class && !escaped) {
                length = at;
                break;
            }
            if matches!(c, '\'' | '"') {
                let message = "a bare pattern has no quotes; put the whole pattern into quotes";
                return Err(QueryError { at: self.at + at, message: message.into() });
            }
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => in_class = true,
                ']' => in_class = false,
                '(' if !in_class => open += 1,
                ')' if !in_class => open -= 1,
                _ => {}
            }
        }
        self.end = self.at + length;
        self.advance()?;
        Ok(&rest[..length])
    }

    fn unclosed(&self, quote: char) -> QueryError {
        QueryError { at: self.at, message: format!("this text has no closing {quote}") }
    }
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || "()[],'\"=!<>~&|".contains(c)
}
