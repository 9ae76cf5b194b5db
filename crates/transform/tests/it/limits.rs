//! No filter runs on, whatever it says: each ends by the steps, the text or the depth that it may use up.

use proptest::prelude::*;
use transform::{Limit, MAX_STEPS, Made, Problem, Source};

use crate::support::with_filter;

/// Endless, explosive or heavy filters.
const NASTY: [&str; 47] = [
    "[limit(1e9; repeat(1))]",
    "[repeat(1)]",
    "last(repeat(1))",
    "[range(1e12)]",
    "last(range(1e12))",
    "reduce range(1e12) as $x (0; . + $x)",
    "[foreach range(1e12) as $x (0; . + 1)] | length",
    "[recurse(.)] | length",
    "last(recurse([.]))",
    "last(recurse({a: .}))",
    "[recurse(.a)] | length",
    "until(false; .)",
    "until(false; [.])",
    "[while(true; .)] | length",
    "first(repeat(1) | select(false))",
    "isempty(repeat(1) | select(false))",
    "any(repeat(1); . == 2)",
    "all(repeat(1); true)",
    "reduce range(100) as $x (\"x\"; . + .)",
    "reduce range(100) as $x (\"x\"; . * 2)",
    "\"x\" * 1e12",
    "\"x\" * 1e27",
    "reduce range(100) as $x ([1]; . + .)",
    "reduce range(60) as $x ([1]; [., .]) | tojson",
    "reduce range(60) as $x ([1]; [., .]) | flatten | length",
    "reduce range(60) as $x ([1]; [., .]) | [.. | numbers] | length",
    "reduce range(60) as $x ({}; {a: ., b: .}) | . == (reduce range(60) as $x ({}; {a: ., b: .}))",
    "reduce range(60) as $x ({}; {a: ., b: .}) | [., .] | sort",
    "reduce range(60) as $x ({}; {a: ., b: .})",
    "reduce range(60) as $x ([1]; [., .]) | walk(.)",
    "reduce range(60) as $x ([1]; [., .]) | \"\\(.)\"",
    "reduce range(60) as $x ([1]; [., .]) | contains(reduce range(60) as $x ([2]; [., .]))",
    "reduce range(1e6) as $x (.; [.])",
    "reduce range(1e6) as $x (.; {a: .})",
    "reduce range(1e6) as $x ({}; . * {a: {b: .}})",
    "reduce range(1e6) as $x ([0]; .[0] = [.])",
    "reduce range(1e6) as $x ({}; .a = .)",
    "(\"a\" * 1e6) as $a | [range(1e6) | $a == ($a + \"b\")]",
    "(\"a\" * 4e6) as $a | [range(1e6) | $a | startswith($a)]",
    "(\"a\" * 4e6) as $a | [range(1e6) | $a | length]",
    "(\"a\" * 4e6) as $a | [range(1e6) | {} | .[$a]]",
    "(\"a\" * 1e6) as $a | [range(1e4) | $a + \"\\(.)\"] | sort",
    "(\"a\" * 1e6) | [range(1e6) as $x | test(\"(a+)+$\")]",
    "(\"a\" * 1e6) | explode | map([.]) | tojson",
    "(\"a\" * 1e6) | [splits(\"\")] | map(. + .) | add",
    "[range(1e6) as $x | \"a\" | test(\"x\\($x)\")]",
    "[range(1e5)] | [.[] as $x | .[] as $y | $x * $y] | length",
];

fn steps_of(filter: &str, body: &str) -> Result<u64, Problem> {
    let transforms = with_filter(filter);
    let source = Source { body: body.as_bytes(), ..Source::default() };
    match transforms.entries()[0].metered(&source) {
        Ok((made, steps)) => {
            if let Made::Event(event) = made {
                assert!(event.len() <= transform::MAX_TEXT + 1024, "{filter}");
            }
            Ok(steps)
        }
        Err(error) => Err(error.problem),
    }
}

#[test]
fn endless_and_explosive_filters_are_stopped() {
    for filter in NASTY {
        let stopped = match steps_of(&format!("{{ a: ({filter}) }}"), "{}") {
            Err(Problem::Limit(limit)) => limit,
            other => panic!("{filter}: {other:?}"),
        };
        assert!([Limit::Steps, Limit::Text, Limit::Depth].contains(&stopped));
    }
}

#[test]
fn no_filter_catches_a_limit() {
    for filter in [
        "try repeat(1) catch 1 | select(false)",
        "[.[]?, (repeat(1)? | select(false))]",
        "(repeat(1) | select(false)) // 1",
    ] {
        assert_eq!(steps_of(filter, "{}"), Err(Problem::Limit(Limit::Steps)), "{filter}");
    }
    // The next filter has all its steps again.
    assert!(steps_of("{ a: [range(1e5)] | length }", "{}").is_ok());
}

#[test]
fn patterns_are_bounded() {
    let error = |filter: &str| match steps_of(filter, "{}") {
        Err(Problem::Filter(error)) => error,
        other => panic!("{filter}: {other:?}"),
    };
    assert!(error("\"a\" | test(\"(a{1000}){1000}\")").contains("not one, or is too large"));
    assert!(error("\"a\" | test(\"(\")").contains("not one, or is too large"));
    assert!(error("\"a\" | test(\"a\"; \"q\")").contains("no flag 'q'"));
    // Backtracking would never come to an end here.
    assert!(steps_of("(\"a\" * 5000) | { a: test(\"^(a|aa)+$\"), b: test(\"(a*)*b\") }", "{}").is_ok());
}

#[test]
fn deep_and_large_sources_end_too() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(steps_of(".", &deep), Err(Problem::NotJson(_))));
    assert!(matches!(steps_of("(\"[\" * 1e6) | fromjson", "{}"), Err(Problem::Filter(_))));
    let wide = format!("[{}1]", "1,".repeat(500_000));
    assert!(steps_of("{ a: length }", &wide).expect("within the limits") < MAX_STEPS);
}

/// Pieces that filters are made of at random; most of what comes of it is nonsense, and much of it endless.
fn piece() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(".".to_owned()),
        Just(".a".to_owned()),
        Just(".[]?".to_owned()),
        Just("..".to_owned()),
        Just("1".to_owned()),
        Just("\"ab\"".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("range(1e9)".to_owned()),
        Just("empty".to_owned()),
        Just("1e27".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| format!("({a} | {b})")),
            two.clone().prop_map(|(a, b)| format!("({a}, {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} + {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} * {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} // {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} | .a |= {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} | .[0:1] |= {b})")),
            two.clone().prop_map(|(a, b)| format!("{{(\"a\", \"b\"): ({a}), c: ({b})}}")),
            two.clone().prop_map(|(a, b)| format!("(reduce {a} as $x (.; {b}))")),
            two.clone().prop_map(|(a, b)| format!("[foreach {a} as $x (.; {b})]")),
            two.clone().prop_map(|(a, b)| format!("(try {a} catch {b})")),
            two.prop_map(|(a, b)| format!("(if {a} then {b} else . end)")),
            inner.clone().prop_map(|a| format!("[{a}]")),
            inner.clone().prop_map(|a| format!("(.. |= {a})")),
            inner.clone().prop_map(|a| format!("[limit(9; recurse({a}))]")),
            inner.clone().prop_map(|a| format!("[repeat({a})]")),
            inner.clone().prop_map(|a| format!("last(until({a}; .))")),
            inner.clone().prop_map(|a| format!("([{a}] | sort | group_by(.) | tojson)")),
            inner.prop_map(|a| format!("({a} | tostring | [splits(\"b\")] | join(\"c\"))")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn filters_at_random_end_within_their_limits(filter in piece()) {
        // That it comes back is what is tested: with an output, or with an error.
        let _ = steps_of(&filter, r#"{"a": [1, {"a": "x"}], "b": null}"#);
    }
}
