//! What filters compute: jq's functions, on exact numbers.

use crate::support::{apply, error, mistakes, output, with_filter};
use transform::Made;

#[test]
fn numbers_are_exact_decimals() {
    for (filter, input, expected) in [
        (".a + .b", r#"{"a": 0.1, "b": 0.2}"#, "0.3"),
        (".a * 100", r#"{"a": 19.99}"#, "1999"),
        (".a * 100", r#"{"a": 1.10}"#, "110"),
        (".a", r#"{"a": 12.50}"#, "12.50"),
        (".a", r#"{"a": 9007199254740993}"#, "9007199254740993"),
        (".a", r#"{"a": 1e400}"#, "1e400"),
        (".a | tostring", r#"{"a": 1e400}"#, "\"1e400\""),
        (".a == 12.5", r#"{"a": 12.50}"#, "true"),
        ("-.a", r#"{"a": 0}"#, "0"),
        (".a | tonumber", r#"{"a": "1234567890123456.78"}"#, "1234567890123456.78"),
        ("1 / 8", "{}", "0.125"),
        ("7 % 3", "{}", "1"),
        ("map(.p * .q) | add", r#"[{"p": 0.7, "q": 3}, {"p": 0.1, "q": 1}]"#, "2.2"),
        (".a | hundredths", r#"{"a": 12.5}"#, "1250"),
        (".a | hundredths", r#"{"a": "12.345"}"#, "1235"),
        (".a | hundredths", r#"{"a": -0.005}"#, "-1"),
        ("[-2.5 | floor, ceil, round]", "{}", "[-3,-2,-3]"),
    ] {
        assert_eq!(output(filter, input), expected, "{filter}");
    }
    assert!(error("{ a: (.a + 1) }", r#"{"a": 1e400}"#).contains("cannot calculate the number at a + 1"));
    assert!(error("{ a: (.a | floor) }", r#"{"a": 1e400}"#).contains("a number of at most 28 digits"));
    assert!(error("{ a: (.a / 0) }", r#"{"a": 1}"#).contains("cannot divide the number at a by zero"));
}

#[test]
fn functions_do_what_integrators_know() {
    for (filter, input, expected) in [
        ("[.[] | select(.a > 1) | .a]", r#"[{"a":1},{"a":2}]"#, "[2]"),
        ("to_entries", r#"{"b":1}"#, r#"[{"key":"b","value":1}]"#),
        ("from_entries", r#"[{"name":"b","value":1},{"key":"c","value":null}]"#, r#"{"b":1,"c":null}"#),
        ("with_entries(.value += 1)", r#"{"b":1}"#, r#"{"b":2}"#),
        ("[keys, keys_unsorted]", r#"{"b":1,"a":2}"#, r#"[["a","b"],["b","a"]]"#),
        ("[length, (.a|length)]", r#"{"a":"æøå"}"#, "[1,3]"),
        (".a | split(\",\") | join(\"-\")", r#"{"a":"1,2"}"#, "\"1-2\""),
        (".a | ascii_downcase | ltrimstr(\"x\") | rtrimstr(\"z\")", r#"{"a":"XyZ"}"#, "\"y\""),
        (".a | test(\"^INV-[0-9]+$\")", r#"{"a":"INV-12"}"#, "true"),
        (".a | capture(\"(?<n>[0-9]+)\").n", r#"{"a":"INV-12"}"#, "\"12\""),
        (".a | sub(\"-\"; \"/\")", r#"{"a":"a-b-c"}"#, "\"a/b-c\""),
        (".a | gsub(\"-\"; \"/\")", r#"{"a":"a-b-c"}"#, "\"a/b/c\""),
        ("[.a | match(\"ø.\"; \"g\").offset]", r#"{"a":"æøbøc"}"#, "[1,3]"),
        ("[.a | scan(\"[0-9]\")]", r#"{"a":"a1b2"}"#, "[\"1\",\"2\"]"),
        ("[.a | splits(\", *\")]", r#"{"a":"a, b,c"}"#, "[\"a\",\"b\",\"c\"]"),
        (
            "group_by(.k) | map({k: .[0].k, n: length})",
            r#"[{"k":2},{"k":1},{"k":2}]"#,
            r#"[{"k":1,"n":1},{"k":2,"n":2}]"#,
        ),
        ("unique_by(.k) | map(.k)", r#"[{"k":2},{"k":1},{"k":2}]"#, "[1,2]"),
        ("sort_by(.k) | map(.k)", r#"[{"k":2},{"k":1}]"#, "[1,2]"),
        ("[min, max, (add / length)]", "[1,2,6]", "[1,6,3]"),
        ("[any(. > 2), all(. > 2)]", "[1,3]", "[true,false]"),
        ("[first, last, first(.[]), nth(1), .[-1:], .[:1]]", "[1,2]", "[1,2,1,2,[2],[1]]"),
        ("[limit(2; .[])]", "[1,2,3]", "[1,2]"),
        (".a // \"none\"", r#"{"a":null}"#, "\"none\""),
        ("[.a.b?, (.c | .d)?]", r#"{"a":"text"}"#, "[null]"),
        ("if .a == 1 then \"one\" elif .a == 2 then \"two\" else \"many\" end", r#"{"a":2}"#, "\"two\""),
        ("reduce .[] as $x (0; . + $x)", "[1,2,3]", "6"),
        ("[foreach .[] as $x (0; . + $x)]", "[1,2,3]", "[1,3,6]"),
        ("try error(\"x\") catch .", "{}", "\"x\""),
        (". as {a: $x, b: [$y]} | [$x, $y]", r#"{"a":1,"b":[2]}"#, "[1,2]"),
        ("\"\\(.a) and \\(.b)\"", r#"{"a":1,"b":"c"}"#, "\"1 and c\""),
        (".a |= . + 1 | .b = 2 | del(.c)", r#"{"a":1,"c":3}"#, r#"{"a":2,"b":2}"#),
        (".lines[0].x = 1", r#"{"lines":[{}]}"#, r#"{"lines":[{"x":1}]}"#),
        ("null | .a.b = 1", "{}", r#"{"a":{"b":1}}"#),
        ("[.. | numbers]", r#"{"a":[1,{"b":2}]}"#, "[1,2]"),
        ("[recurse(if . < 3 then . + 1 else empty end)]", "1", "[1,2,3]"),
        ("[[range(3)], [range(1; 7; 3)]]", "{}", "[[0,1,2],[1,4]]"),
        ("walk(if type == \"string\" then ascii_upcase else . end)", r#"{"a":["b"]}"#, r#"{"a":["B"]}"#),
        ("flatten", "[1,[2,[3]]]", "[1,2,3]"),
        ("flatten(1)", "[1,[2,[3]]]", "[1,2,[3]]"),
        ("map(has(\"a\"))", r#"[{"a":1},{}]"#, "[true,false]"),
        (
            "[contains(\"b\"), (\"b\" | inside(\"abc\")), index(\"c\"), IN(\"abc\", \"x\")]",
            "\"abc\"",
            "[true,true,2,true]",
        ),
        ("INDEX(.id) | .[\"7\"].n", r#"[{"id":7,"n":1}]"#, "1"),
        ("[@base64, (@base64 | @base64d), @uri, @json]", "\"a b\"", r#"["YSBi","a b","a%20b","\"a b\""]"#),
        ("tojson | fromjson", r#"{"a":1.10}"#, r#"{"a":1.10}"#),
        ("getpath([\"a\", 0])", r#"{"a":[1]}"#, "1"),
        ("label $out | .[] | if . > 1 then ., break $out else empty end", "[1,2,3]", "2"),
        (". as $x | [$x[] | tostring]", "[1,\"a\",null,{\"b\":[]}]", r#"["1","a","null","{\"b\":[]}"]"#),
        (
            "[.[] | type]",
            "[null,true,1,\"a\",[],{}]",
            r#"["null","boolean","number","string","array","object"]"#,
        ),
        ("transpose", "[[1,2],[3]]", "[[1,3],[2,null]]"),
        ("\"\\u001f\\u0001\"", "{}", "\"\\u001f\\u0001\""),
    ] {
        assert_eq!(output(filter, input), expected, "{filter}");
    }
}

#[test]
fn times_become_rfc_3339() {
    for (filter, input, expected) in [
        ("timestamp", "\"2026-11-02T09:15:42+01:00\"", "2026-11-02T09:15:42+01:00"),
        ("timestamp", "\"2026-11-02 09:15:42+0100\"", "2026-11-02T09:15:42+01:00"),
        ("timestamp", "\"2026-11-02 09:15:42Z\"", "2026-11-02T09:15:42Z"),
        ("timestamp", "1793610942", "2026-11-02T09:15:42Z"),
        ("timestamp", "\"1793610942000\"", "2026-11-02T09:15:42Z"),
        ("timestamp", "1793610942.5", "2026-11-02T09:15:42.500Z"),
        ("todate", "1793610942", "2026-11-02T09:15:42Z"),
        ("timestamp(\"Europe/Oslo\")", "1793610942", "2026-11-02T10:15:42+01:00"),
        ("timestamp(\"Europe/Oslo\")", "\"2026-11-02 10:15\"", "2026-11-02T10:15:00+01:00"),
        ("timestamp(\"Europe/Oslo\")", "\"2026-07-02T10:15:42.25\"", "2026-07-02T10:15:42.250+02:00"),
        // Set back: the earlier of two. Set forward: as if it had not been.
        ("timestamp(\"Europe/Oslo\")", "\"2026-10-25T02:30:00\"", "2026-10-25T02:30:00+02:00"),
        ("timestamp(\"Europe/Oslo\")", "\"2026-03-29T02:30:00\"", "2026-03-29T03:30:00+02:00"),
        (
            "timestamp(\"Europe/Oslo\"; \"%d.%m.%Y %H:%M\")",
            "\"02.11.2026 10:15\"",
            "2026-11-02T10:15:00+01:00",
        ),
    ] {
        assert_eq!(output(filter, input), format!("\"{expected}\""), "{filter} of {input}");
    }
    assert_eq!(output("fromdate", "\"2026-11-02T09:15:42Z\""), "1793610942");
    let without = error("{ a: (.a | timestamp) }", r#"{"a": "2026-11-02 10:15:42"}"#);
    assert!(without.contains("the string at a has no offset"), "{without}");
    let nowhere = error("{ a: (.a | timestamp(\"Europe/Nowhere\")) }", r#"{"a": "2026-11-02 10:15:42"}"#);
    assert!(nowhere.contains("\"Europe/Nowhere\" as a time zone"), "{nowhere}");
}

#[test]
fn errors_name_the_place_in_the_source_and_no_value() {
    const SECRET: &str = "Kari Nordmann";
    let input = format!(r#"{{"customer": {{"name": "{SECRET}"}}, "lines": [{{"price": "{SECRET}"}}]}}"#);
    for (filter, expected) in [
        (".lines[0].price | tonumber", "cannot use the string at lines[0].price as a number"),
        (".customer.name * {}", "cannot calculate the string at customer.name * an object"),
        (".customer.name.first", "cannot index the string at customer.name with \"first\""),
        (".total | hundredths", "cannot use null at total as a number"),
        (".lines[3].price | hundredths", "cannot use null at lines[3].price as a number"),
        (".lines[] | .tax.rate | tonumber", "cannot use null at lines[0].tax.rate as a number"),
        (".customer[]  | .[]", "cannot use the string at customer.name as an array or object"),
        ("error(\"no voucher number\")", "the filter fails: no voucher number"),
        ("error(.customer.name)", "it calls error with the string at customer.name"),
        ("error(\"bad name \\(.customer.name)\")", "it calls error with the string at customer.name"),
        ("error(.customer)", "it calls error with the object at customer"),
        ("{(.lines): 1}", "cannot use the array at lines as the name of a member"),
        (".customer.name | fromjson", "in the string at customer.name: not JSON"),
        (".customer | ltrimstr(\"x\")", "cannot use the object at customer as string"),
        (".customer | sort", "cannot use the object at customer as array"),
    ] {
        let error = error(filter, &input);
        assert!(error.contains(expected), "{filter}: {error}");
        assert!(!error.contains("Kari"), "{error}");
    }
}

#[test]
fn an_output_is_one_object_or_none() {
    assert_eq!(apply(&with_filter("select(.paid)"), r#"{"paid": false}"#), Ok(Made::Nothing));
    assert!(error(".[]", "[{},{}]").contains("several events of one message"));
    assert!(error(".total", r#"{"total": 1}"#).contains("the filter makes no object: the number at total"));
}

#[test]
fn what_reaches_out_or_calls_itself_is_no_filter() {
    let mistake =
        |filter: &str| mistakes(&format!("[[transform]]\nname = \"a\"\nfilter = '''\n{filter}\n'''\n"));
    for (filter, expected) in [
        ("env", "transforms.toml:4: there is no function `env`"),
        ("$ENV.PATH", "there is no variable `$ENV`"),
        ("input", "there is no function `input`"),
        ("now", "there is no function `now`"),
        ("debug", "there is no function `debug`"),
        ("halt", "there is no function `halt`"),
        ("path(..)", "there is no function with 1 arguments `path`"),
        ("infinite", "there is no function `infinite`"),
        ("include \"a\"; .", "a filter includes nothing"),
        (".a\n| .b\n| nope(1)", "transforms.toml:6: there is no function with 1 arguments `nope`"),
        ("{ a: (.b }", "transforms.toml:4: expected"),
        ("def f: f; f", "transforms.toml:4: `f` calls itself"),
        ("def f(g): g | f(g | g); f(.)", "`f` calls itself"),
        ("def f: def g: f; g; f", "`f` calls itself"),
        ("def f: [.[] | {a: \"\\(f)\"}]; f", "`f` calls itself"),
        ("def f: reduce .[] as {(f): $x} (0; 1); f", "`f` calls itself"),
        ("def f: .[f]; f", "`f` calls itself"),
    ] {
        let mistake = mistake(filter);
        assert!(mistake.contains(expected), "{filter}: {mistake}");
    }
    let nested = mistake(&format!("{}1{}", "[".repeat(65), "]".repeat(65)));
    assert!(nested.contains("nests at most 64"), "{nested}");
    // A definition may call others, and one of the same name with other arguments.
    assert_eq!(output("def f: 1; def f(g): f + g; f(2)", "{}"), "3");
}
