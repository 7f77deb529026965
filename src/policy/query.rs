//! The cluster query language of `memberOf` constraints.

/// A parsed expression. (Contract stub.)
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    text: String,
}

/// Why an expression was refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// Byte offset in the text.
    pub at: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Expression {
    /// Parses a cluster query expression of at most 2,000 characters.
    ///
    /// # Errors
    /// [`QueryError`] with the byte offset.
    pub fn parse(text: &str) -> Result<Expression, QueryError> {
        Ok(Expression { text: text.into() })
    }
}
