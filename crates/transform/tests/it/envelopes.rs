//! Envelopes, and the paths of what is in them.

use transform::{Made, Source};

use crate::support::read;

fn unwrap(names: &str, body: &str) -> Result<String, String> {
    let text = format!("[[transform]]\nname = \"test\"\nunwrap = [{names}]\nfilter = '{{ type, v: .v }}'\n");
    let transforms = read(&text).expect("a file of transforms");
    match transforms.entries()[0].apply(&Source { id: Some("m"), body: body.as_bytes(), ..Source::default() })
    {
        Ok(Made::Event(event)) => Ok(String::from_utf8(event).expect("text")),
        Ok(made) => panic!("{made:?}"),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn envelopes_are_opened() {
    let event = r#"{"v":1}"#;
    let quoted = serde_json::to_string(event).expect("a text");
    let made = r#"{"type":"receipt.settled.v1","v":1,"id":"m"}"#;
    for (names, body) in [
        ("\"cloudevents\"", format!(r#"{{"specversion":"1.0","data":{event}}}"#)),
        ("\"cloudevents\"", format!(r#"{{"specversion":"1.0","data":{quoted}}}"#)),
        ("\"cloudevents\"", r#"{"specversion":"1.0","data_base64":"eyJ2IjoxfQ=="}"#.to_owned()),
        ("\"masstransit\"", format!(r#"{{"messageType":["urn:a"],"message":{event}}}"#)),
        ("\"debezium\"", format!(r#"{{"schema":{{}},"payload":{event}}}"#)),
        ("\"debezium\"", format!(r#"{{"schema":{{}},"payload":{quoted}}}"#)),
        ("\"nestjs\"", format!(r#"{{"pattern":"paid","data":{event}}}"#)),
        ("\"sns\"", format!(r#"{{"Type":"Notification","Message":{quoted}}}"#)),
        ("\"json-string\"", quoted.clone()),
        (
            "\"sns\", \"masstransit\"",
            format!(
                r#"{{"Message":{}}}"#,
                serde_json::to_string(&format!(r#"{{"message":{event}}}"#)).expect("a text")
            ),
        ),
    ] {
        assert_eq!(unwrap(names, &body).as_deref(), Ok(made), "{names} {body}");
    }
}

#[test]
fn what_is_wrong_with_an_envelope_is_said_by_its_path() {
    for (names, body, expected) in [
        (
            "\"masstransit\"",
            r#"{"a":1}"#,
            "the envelope masstransit: expected the event, got null at message",
        ),
        ("\"masstransit\"", "[1]", "the envelope masstransit: expected an object, got the array at $"),
        (
            "\"cloudevents\"",
            r#"{"specversion":"1.0"}"#,
            "the envelope cloudevents: expected the event, got null at data",
        ),
        ("\"sns\"", r#"{"Message":7}"#, "expected a text that contains JSON, got the number at Message"),
        ("\"debezium\"", r#"{"payload":"{\"a\":"}"#, "in the string at payload: not JSON"),
        (
            "\"nestjs\", \"sns\"",
            r#"{"data":{}}"#,
            "the envelope sns: expected the event, got null at data.Message",
        ),
        ("\"json-string\"", "{", "the body is not JSON"),
        ("\"json-string\"", r#"{"a":1,"a":2}"#, "a member is there twice"),
    ] {
        let error = unwrap(names, body).expect_err(body);
        assert!(error.contains(expected), "{names} {body}: {error}");
    }
}

#[test]
fn a_batch_is_split_with_every_byte_of_what_is_broken() {
    let text = "[[transform]]\nname = \"test\"\nunwrap = [\"masstransit\", \"batch\", \"sns\"]\nfilter = '{ v }'\n\
                [[transform]]\nname = \"lines\"\nunwrap = [\"batch\"]\n";
    let transforms = read(text).expect("a file of transforms");
    let split = |entry: usize, body: &str| {
        transforms.entries()[entry].apply(&Source { body: body.as_bytes(), ..Source::default() })
    };
    let batch = |bodies: &[&str], opened| {
        Ok(Made::Batch { bodies: bodies.iter().map(|body| body.as_bytes().to_vec()).collect(), opened })
    };
    assert_eq!(
        split(0, r#"{"message": [{"Message": "{\"v\":1.10}"}, 7]}"#),
        batch(&[r#"{"Message":"{\"v\":1.10}"}"#, "7"], 2)
    );
    assert_eq!(split(1, r#"{"items": [{"v":1},{"v":2}]}"#), batch(&[r#"{"v":1}"#, r#"{"v":2}"#], 1));
    assert_eq!(
        split(1, "{\"v\":1}\r\n\n{\"v\":\n{\"v\":3}\n"),
        batch(&["{\"v\":1}", "{\"v\":", "{\"v\":3}"], 1)
    );
    assert_eq!(split(1, "{\"v\":1}\n"), batch(&["{\"v\":1}"], 1));
    assert_eq!(split(1, "[]"), batch(&[], 1));
    let failed = |body: &str| split(1, body).expect_err(body).to_string();
    assert!(failed("{\n\"v\": 1\n").contains("the body is not JSON"));
    assert!(failed("7").contains("expected an array of events, got the number at $"));
    assert!(failed(r#"{"items": 7}"#).contains("expected an array of events, got the number at items"));
    // One of them, as it comes back.
    let member =
        Source { body: br#"{"Message":"{\"v\":1.10}"}"#, id: Some("m/0"), opened: 2, ..Source::default() };
    let event = br#"{"v":1.10,"type":"receipt.settled.v1","id":"m/0"}"#.to_vec();
    assert_eq!(transforms.entries()[0].apply(&member), Ok(Made::Event(event)));
}
