//! Hostile input to the policies: the saved corpus of the fuzz target, and properties over generated text.

use crate::fuzz_bodies::policy::memberof_expr;
use crate::support::random::drawn;
use ecsim::policy::query::{Expression, MAX_CHARACTERS};
use proptest::prelude::*;
use std::path::Path;

#[test]
fn the_corpus_of_memberof_expressions_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/memberof_expr");
    let mut read = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus is there") {
        let path = entry.expect("the corpus can be listed").path();
        memberof_expr(&std::fs::read(path).expect("the corpus can be read"));
        read += 1;
    }
    assert!(read >= 7);
}

/// Text of the language, compounds included.
fn expression() -> impl Strategy<Value = String> {
    let subject = prop_oneof![
        Just("attribute:ecs.instance-type".to_owned()),
        "attribute:[a-z.-]{1,5}",
        Just("task:group".to_owned()),
        Just("ec2InstanceId".to_owned()),
        Just("agentVersion".to_owned()),
    ];
    let value = prop_oneof!["[a-z0-9.:-]{1,6}", "'[^']{0,6}'", "\"[^\"]{0,6}\""];
    let test = prop_oneof![
        prop_oneof!["==|!=|>|>=|<|<=|equals|not_equals|less_than", "greater_than_equal"]
            .prop_flat_map(move |op| value.clone().prop_map(move |value| format!("{op} {value}"))),
        "(in|!in|not_in) \\[ ?[a-z]{1,3}(, '[a-z ]{0,3}'){0,3}\\]",
        "exists|!exists|not_exists",
        "(=~|!~|matches|not_matches) [a-z]{1,3}(\\.\\*|\\(a\\|b\\)|\\[\\)\\]|\\\\\\))?",
    ];
    let simple = prop_oneof![
        (subject, test).prop_map(|(subject, test)| format!("{subject} {test}")),
        "runningTasksCount ?(==|<|>=) ?[0-9]{1,4}",
        "agentConnected (==|!=) (true|false)",
        "registeredAt > [0-9]{1,3}\\.[0-9]",
    ];
    simple.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), "and|or|&&|\\|\\|", inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            (inner.clone(), "and|or", inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            inner.prop_map(|a| format!("not({a})")),
        ]
    })
}

proptest! {
    #![proptest_config(drawn(256))]

    #[test]
    fn expressions_print_as_what_they_were(text in expression()) {
        prop_assert!(text.chars().count() > MAX_CHARACTERS || Expression::parse(&text).is_ok(), "{text}");
        memberof_expr(text.as_bytes());
    }

    #[test]
    fn byte_soup_is_no_trouble(data in prop::collection::vec(any::<u8>(), 0..200)) {
        memberof_expr(&data);
    }

    #[test]
    fn soup_of_tokens_is_no_trouble(words in prop::collection::vec(
        prop::sample::select(vec!["attribute:a", "==", "=~", "(", ")", "[", "]", ",", "!", "not", "and", "in",
            "exists", "'", "\"", "task:group", "é", " ", "\\", "x*", "&", "|", "="]), 0..20)) {
        memberof_expr(words.concat().as_bytes());
        memberof_expr(words.join(" ").as_bytes());
    }
}
