use super::*;
use crate::base::time::SimTime;

struct Instance;

impl InstanceView for Instance {
    fn agent_connected(&self) -> bool {
        true
    }
    fn agent_version(&self) -> Option<&str> {
        Some("1.10.2")
    }
    fn attribute(&self, name: &str) -> Option<&str> {
        match name {
            "ecs.instance-type" => Some("m7g.large"),
            "rank" => Some("10"),
            "stack" => Some("prod"),
            _ => None,
        }
    }
    fn ec2_instance_id(&self) -> &str {
        "i-1"
    }
    fn registered_at(&self) -> SimTime {
        SimTime::parse_seconds(b"60").unwrap()
    }
    fn running_tasks_count(&self) -> u32 {
        2
    }
    fn any_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool {
        ["service:web", "family:job"].into_iter().any(test)
    }
}

fn holds(text: &str) -> bool {
    let expression =
        Expression::parse(text).unwrap_or_else(|e| panic!("{text}: {} at {}", e.message, e.at));
    let printed = expression.to_string();
    assert_eq!(Expression::parse(&printed).as_ref(), Ok(&expression), "{printed}");
    expression.holds(&Instance)
}

fn refused(text: &str) -> (usize, String) {
    let error = Expression::parse(text).expect_err(text);
    (error.at, error.message)
}

#[test]
fn every_subject_and_operator_is_understood_in_both_spellings() {
    for yes in [
        "attribute:stack == prod",
        "attribute:stack equals prod",
        "attribute:stack != test",
        "attribute:stack not_equals test",
        "attribute:rank > 9",
        "attribute:rank greater_than 9.5",
        "attribute:rank >= 10.0",
        "attribute:rank greater_than_equal 10",
        "attribute:rank < 11",
        "attribute:rank less_than 100",
        "attribute:rank <= 10",
        "attribute:rank less_than_equal 010",
        "attribute:stack exists",
        "attribute:nothing !exists",
        "attribute:nothing not_exists",
        "attribute:stack in [test, prod]",
        "attribute:stack !in [test]",
        "attribute:stack not_in ['test', \"x\"]",
        "attribute:ecs.instance-type =~ m7g.*",
        "attribute:ecs.instance-type matches (m6g|m7g)\\.(large|xlarge)",
        "attribute:ecs.instance-type !~ m7g",
        "attribute:ecs.instance-type not_matches c.*",
        "agentConnected == true",
        "agentVersion >= 1.9",
        "ec2InstanceId in ['i-1', 'i-2']",
        "registeredAt >= 59.5",
        "registeredAt<61",
        "runningTasksCount == 2",
        "task:group == service:web",
        "task:group != service:api",
        "task:group =~ family:.*",
    ] {
        assert!(holds(yes), "{yes}");
        assert!(!holds(&format!("not ({yes})")), "{yes}");
    }
}

#[test]
fn compounds_nest_and_and_binds_tighter_than_or() {
    assert!(holds("attribute:stack == prod or attribute:rank == 1 and attribute:rank == 2"));
    assert!(!holds("(attribute:stack == prod or attribute:rank == 1) and attribute:rank == 2"));
    assert!(holds(
        "!(task:group == service:api) && (attribute:stack == prod || runningTasksCount > 5)"
    ));
    assert!(holds("not attribute:stack == test and (attribute:ecs.instance-type =~ m7g.(large))"));
}

#[test]
fn a_missing_attribute_fulfils_negative_tests_only() {
    assert!(!holds("attribute:nothing == x"));
    assert!(!holds("attribute:nothing < x"));
    assert!(!holds("attribute:nothing in [x]"));
    assert!(!holds("attribute:nothing =~ .*"));
    assert!(holds("attribute:nothing != x"));
    assert!(holds("attribute:nothing !in [x]"));
    assert!(holds("attribute:nothing !~ x"));
}

#[test]
fn errors_say_where_and_what_would_be_right() {
    let cases = [
        ("", 0, "expected a subject"),
        ("runningTaskCount < 3", 0, "did you mean \"runningTasksCount\"?"),
        ("attribute: == 3", 0, "attribute: needs a name"),
        ("attribute:a equal b", 12, "did you mean \"equals\"?"),
        ("attribute:a = b", 12, "did you mean \"==\"?"),
        ("attribute:a ==", 14, "expected a value, found the end"),
        ("attribute:a in b", 15, "expected \"[\", found \"b\""),
        ("attribute:a in [b, ]", 19, "expected a value, found \"]\""),
        ("(attribute:a exists", 19, "expected \")\""),
        ("attribute:a exists)", 18, "expected \"and\", \"or\" or the end"),
        ("attribute:a == 'b", 15, "no closing '"),
        ("attribute:a =~ (?=b)", 15, "look-ahead is not supported"),
        ("attribute:a =~ '(a)\\1'", 19, "a back-reference is not supported"),
        ("attribute:a =~ a*+", 16, "a possessive quantifier is not supported"),
        ("attribute:a =~ '(b'", 16, "this is not a pattern: unclosed group"),
        ("runningTasksCount > many", 20, "a whole number"),
        ("runningTasksCount =~ 3", 18, "a number has no pattern"),
        ("agentConnected == yes", 18, "true or false"),
        ("registeredAt > yesterday", 15, "seconds since the beginning"),
    ];
    for (text, at, message) in cases {
        let (found_at, found) = refused(text);
        assert!(found.contains(message), "{text}: {found}");
        assert_eq!(found_at, at, "{text}: {found}");
    }
}

#[test]
fn length_and_depth_are_bounded() {
    let long = format!("attribute:a == {}", "b".repeat(MAX_CHARACTERS));
    assert_eq!(refused(&long).0, MAX_CHARACTERS);
    let deep = format!("{}attribute:a exists{}", "(".repeat(900), ")".repeat(900));
    assert!(refused(&deep).1.contains("nest at most"));
    assert!(refused(&format!("{}attribute:a exists", "!".repeat(900))).1.contains("repeated"));
}

#[test]
fn expressions_know_whether_they_can_change() {
    let is_static = |text: &str| Expression::parse(text).unwrap().is_static();
    assert!(is_static("attribute:a == b and ec2InstanceId exists and registeredAt > 3"));
    assert!(!is_static("attribute:a == b and runningTasksCount < 3"));
    assert!(!is_static("not (task:group == a)"));
    assert!(Expression::parse("not (task:group == a)").unwrap().asks_for_groups());
}
