//! The file: which transform is for which message, and the line of every mistake.

use transform::{Makes, Source, Transforms};

use crate::support::{mistakes, read};

#[test]
fn first_transform_that_matches_is_used() {
    let text = r#"
[[transform]]
name = "tenant-8"
key = "shop.#"
tenant = "8"
filter = "."
[[transform]]
name = "typed"
key = "shop.*.paid"
type = "OrderPaid"
filter = "."
[[transform]]
name = "packages"
key = "shop.#"
makes = "package.status.packed"
filter = "."
[[transform]]
name = "rest"
key = "shop.#"
unwrap = ["nestjs"]
"#;
    let transforms = read(text).expect("a file of transforms");
    let found = |key, kind, tenant, makes: &[Makes]| {
        let source = Source { key, kind, tenant, ..Source::default() };
        transforms.find(&source, makes).map(|index| transforms.entries()[index].name.as_str())
    };
    let receipt = &[Makes::Receipt];
    assert_eq!(found("shop.7.paid", Some("OrderPaid"), None, receipt), Some("typed"));
    assert_eq!(found("shop.7.paid", Some("OrderPaid"), Some("8"), receipt), Some("tenant-8"));
    assert_eq!(found("shop.7.paid", Some("OrderPaid"), Some("7"), receipt), Some("typed"));
    assert_eq!(found("shop.7.paid", None, None, receipt), Some("rest"));
    assert_eq!(found("shop.7.paid", None, None, &[Makes::Packed, Makes::PackedForRefund]), Some("packages"));
    assert_eq!(found("shop.7.paid", None, None, &Makes::ALL), Some("packages"));
    assert_eq!(found("receipt.settled.v1", None, None, receipt), None);
}

#[test]
fn mistakes_have_their_line() {
    for (text, expected) in [
        ("", "transforms.toml:1: the file has no transform"),
        ("[[transform]]\n", "a transform needs the key `name`"),
        ("[[transform]]\nname = \"a\"\n", "transform a has nothing to do"),
        (
            "[[transform]]\nname = \"A b\"\nfilter = \".\"\n",
            ":2: `name` of a transform is 1 to 64 small letters",
        ),
        (
            "[[transform]]\nname = \"a\"\nfilter = \".\"\n[[transform]]\nname = \"a\"\nfilter = \".\"\n",
            ":5: `name` of a transform is a name that no other transform has",
        ),
        (
            "[[transform]]\nname = \"a\"\nfilter = \".\"\nfilters = \".\"\n",
            ":4: unknown key `filters`: transform a takes filter, filter_file, key, makes, name, tenant, type, unwrap",
        ),
        (
            "[[transform]]\nname = \"a\"\nfilter = \".\"\nfilter_file = \"a.jq\"\n",
            ":4: a transform has one of",
        ),
        (
            "[[transform]]\nname = \"a\"\nunwrap = [\"soap\"]\n",
            ":3: `unwrap` of transform a is a list of \"cloudevents\"",
        ),
        (
            "[[transform]]\nname = \"a\"\nunwrap = [\"batch\", \"batch\"]\n",
            ":3: `unwrap` of transform a is a list with one \"batch\"",
        ),
        (
            "[[transform]]\nname = \"a\"\nmakes = \"invoice\"\nfilter = \".\"\n",
            ":3: `makes` of transform a is \"receipt.settled.v1\" or",
        ),
        (
            "[[transform]]\nname = \"a\"\nfilter_file = \"nowhere.jq\"\n",
            ":3: the filter nowhere.jq cannot be read",
        ),
        ("[[transform]]\nname = \"a\"\nfilter = '''\n.a |\n'''\n", "expected term"),
        (
            "tenant = 1\n[[transform]]\nname = \"a\"\nfilter = \".\"\n",
            ":1: unknown key `tenant`: the file takes transform",
        ),
        ("[[transform]\n", ":1: not TOML"),
    ] {
        let mistakes = mistakes(text);
        assert!(mistakes.contains(expected), "{text}: {mistakes}");
    }
}

#[test]
fn filters_are_read_from_files_beside() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("transforms.toml"), "[[transform]]\nname = \"a\"\nfilter_file = \"a.jq\"\n")
        .expect("written");
    std::fs::write(at("a.jq"), "# a comment\n{ v }\n").expect("written");
    let transforms = Transforms::open(at("transforms.toml")).expect("a file of transforms");
    let files: Vec<_> = transforms.files().collect();
    assert_eq!(files, [at("transforms.toml"), at("a.jq")]);
    std::fs::write(at("a.jq"), "{ v }\n| nope\n").expect("written");
    let mistakes = Transforms::open(at("transforms.toml")).expect_err("a mistake").to_string();
    assert!(mistakes.ends_with("transforms.toml:3: a.jq:2: there is no function `nope`"), "{mistakes}");
    let missing = Transforms::open(at("missing.toml")).expect_err("missing").to_string();
    assert!(missing.ends_with("missing.toml cannot be read"), "{missing}");
}
