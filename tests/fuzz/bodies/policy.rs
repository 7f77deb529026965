//! The cluster query language.

use ecsim::base::time::SimTime;
use ecsim::policy::query::{Expression, InstanceView, MAX_CHARACTERS};

/// An instance of which every question has an answer.
struct Anything;

impl InstanceView for Anything {
    fn agent_connected(&self) -> bool {
        true
    }
    fn agent_version(&self) -> Option<&str> {
        Some("1.9")
    }
    fn attribute(&self, name: &str) -> Option<&str> {
        ["", "0", "-1.50", "m7g.large"].get(name.len() % 5).copied()
    }
    fn ec2_instance_id(&self) -> &str {
        "i-0"
    }
    fn registered_at(&self) -> SimTime {
        SimTime::ZERO
    }
    fn running_tasks_count(&self) -> u32 {
        2
    }
    fn any_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool {
        ["service:web", "a"].into_iter().any(test)
    }
}

/// Never panics; an error lies inside the text; what is accepted prints as text that means the same.
pub fn memberof_expr(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Expression::parse(text) {
        Err(error) => {
            assert!(
                error.at <= text.len() && text.is_char_boundary(error.at),
                "{text:?}: {error:?}"
            );
        }
        Ok(expression) => {
            let printed = expression.to_string();
            if printed.chars().count() <= MAX_CHARACTERS {
                assert_eq!(Expression::parse(&printed).as_ref(), Ok(&expression), "{text:?}");
            }
            expression.holds(&Anything);
        }
    }
}
