//! Events made from the published schema, whole and broken: schema and code agree on which are events, the
//! code refuses more for its documented rules alone, and an invoice has the event's amounts to the last
//! digit. A failure names its seed.

use events::{ReceiptSettled, Undecodable, decode};
use jsonschema::Validator;
use rand::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

const SCHEMA: &str = include_str!("../../../schemas/receipt.settled.v1.schema.json");

const SEEDS: std::ops::Range<u64> = 0..1_500;

/// What the schema cannot say (docs/decisions.md): the last part of a contradiction's path.
const BEYOND_THE_SCHEMA: [&str; 10] = [
    "currency",
    "total",
    "vatAmount",
    "settlements",
    "settlementTotal",
    "grandTotal",
    "vatTotal",
    "vat",
    "net",
    "rate",
];

#[test]
fn schema_and_code_agree() {
    let (schema, validator) = schema();
    let (mut accepted, mut contradictory, mut refused) = (0, 0, 0);
    for seed in SEEDS {
        let mut maker = Maker { schema: &schema, rng: StdRng::seed_from_u64(seed) };
        let mut event = maker.value(&schema);
        if maker.chance(0.6) {
            maker.reconcile(&mut event);
            assert_eq!(judged(&validator, seed, &event), Judged::Accepted, "seed {seed}: {event}");
        }
        for _ in 0..maker.rng.random_range(0..3) {
            maker.break_somewhere(&mut event);
        }
        match judged(&validator, seed, &event) {
            Judged::Accepted => accepted += 1,
            Judged::Contradictory => contradictory += 1,
            Judged::Refused => refused += 1,
        }
    }
    for count in [accepted, contradictory, refused] {
        assert!(count > 100, "{accepted} accepted, {contradictory} contradictory, {refused} refused");
    }
}

fn schema() -> (Value, Validator) {
    let schema: Value = serde_json::from_str(SCHEMA).expect("a schema is JSON");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema);
    (schema, validator.expect("a valid schema"))
}

#[derive(Debug, PartialEq)]
enum Judged {
    Accepted,
    Contradictory,
    Refused,
}

/// What the code says of an event, once the schema was found to agree.
fn judged(validator: &Validator, seed: u64, json: &Value) -> Judged {
    let is_valid = validator.is_valid(json);
    let event = match decode::<ReceiptSettled>(json.to_string().as_bytes()) {
        Ok(event) => event,
        Err(Undecodable::NotTheEvent(faults)) => {
            let explained =
                !is_valid || faults.iter().all(|fault| at(json, &fault.path).is_some_and(is_whole_float));
            assert!(explained, "seed {seed}: only the code refuses {faults:?}: {json}");
            for fault in faults {
                let (parent, _) = fault.path.rsplit_once('.').unwrap_or_default();
                assert!(at(json, parent).is_some(), "seed {seed}: nothing is at {}: {json}", fault.path);
            }
            return Judged::Refused;
        }
        Err(other) => panic!("seed {seed}: {other}: {json}"),
    };
    if let Err(contradictions) = event.check() {
        let is_beyond = |path: &str| {
            let last = path.rsplit('.').next().unwrap_or_default();
            BEYOND_THE_SCHEMA.contains(&last.split('[').next().unwrap_or_default())
        };
        let explained = !is_valid || contradictions.iter().any(|found| is_beyond(&found.path));
        assert!(explained, "seed {seed}: only the code refuses: {contradictions}: {json}");
        return Judged::Contradictory;
    }
    let problems: Vec<_> =
        validator.iter_errors(json).map(|error| error.instance_path().to_string()).collect();
    assert!(problems.is_empty(), "seed {seed}: only the schema refuses {problems:?}: {json}");
    assert_money_is_kept(seed, json, &event);
    Judged::Accepted
}

/// An integer to JSON Schema, which knows no difference between 25 and 25.0; the code does.
fn is_whole_float(json: &Value) -> bool {
    json.is_f64() && json.as_f64().is_some_and(|float| float.fract() == 0.0)
}

/// The value at a path as errors tell it, as in `orderReceipt.items[0]`.
fn at<'a>(json: &'a Value, path: &str) -> Option<&'a Value> {
    let pointer = path.replace('[', ".").replace(']', "");
    pointer.split('.').filter(|part| !part.is_empty()).try_fold(json, |json, part| match json {
        Value::Array(elements) => elements.get(part.parse::<usize>().ok()?),
        json => json.get(part),
    })
}

/// Holds the JSON of the invoice against that of the event, neither by the types of the code.
fn assert_money_is_kept(seed: u64, event: &Value, read: &ReceiptSettled) {
    let invoice = serde_json::to_value(invoice::map(read, &invoice::Mapping::default()))
        .expect("an invoice becomes JSON");
    let written = |json: &Value, member: &str| -> Decimal {
        json[member].to_string().parse().unwrap_or_else(|_| panic!("seed {seed}: {member} of {json}"))
    };
    let receipt = &event["orderReceipt"];
    let expect = |json: &Value, member: &str, hundredths: i64| {
        assert_eq!(written(json, member), Decimal::new(hundredths, 2), "seed {seed}: {member}: {event}");
    };
    let int = |json: &Value, member: &str| json[member].as_i64().expect("an integer");
    let lines = invoice["lineItems"].as_array().expect("lines");
    if receipt["order"]["type"] == "PAYMENT" {
        let total = int(receipt, "settlementTotal");
        expect(&invoice, "amount", total);
        expect(&invoice, "amountExcludingTax", total);
        assert_eq!(lines.len(), 1);
        expect(&lines[0], "extendedPrice", total);
    } else {
        let totals = &receipt["orderTotals"];
        expect(&invoice, "amount", int(totals, "grandTotal"));
        expect(&invoice, "amountExcludingTax", int(totals, "grandTotal") - int(totals, "vatTotal"));
        let items = receipt["items"].as_array().expect("items");
        assert_eq!(lines.len(), items.len());
        for (line, item) in lines.iter().zip(items) {
            for (of_line, of_item) in [
                ("quantity", "quantity"),
                ("placedPrice", "unitPrice"),
                ("discounted", "discountAmount"),
                ("extendedPrice", "total"),
                ("taxRate", "vatRate"),
                ("taxTotal", "vatAmount"),
            ] {
                expect(line, of_line, int(item, of_item));
            }
            expect(line, "extendedPriceExclTax", int(item, "total") - int(item, "vatAmount"));
        }
    }
    let paid = invoice["payments"].as_array().expect("payments").iter().map(|payment| {
        let amount = written(payment, "amount");
        if payment["transactionType"] == "Credit" { -amount } else { amount }
    });
    assert_eq!(paid.sum::<Decimal>(), Decimal::new(counted(receipt), 2), "seed {seed}: payments: {event}");
}

/// What the settlements that count come to, in hundredths.
fn counted(receipt: &Value) -> i64 {
    let settlements = receipt["settlements"].as_array().expect("settlements").iter();
    let counts = settlements.filter(|settlement| {
        let is_linked = settlement["prePaymentUid"].as_str().is_some_and(|uid| !uid.is_empty());
        settlement["state"] == "COMPLETED" && settlement["kind"] != "PRE_PAYMENT" && !is_linked
    });
    counts.map(|settlement| settlement["amount"].as_i64().expect("an integer")).sum()
}

/// Makes values of a schema.
struct Maker<'a> {
    schema: &'a Value,
    rng: StdRng,
}

impl Maker<'_> {
    fn chance(&mut self, share: f64) -> bool {
        self.rng.random_bool(share)
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.rng).expect("a choice")
    }

    /// A value of the schema, as far as its types and limits go; its rules (`allOf`) are not looked at.
    fn value(&mut self, schema: &Value) -> Value {
        if let Some(name) = schema["$ref"].as_str() {
            let pointer = name.strip_prefix('#').expect("a definition of its own");
            let schema = self.schema.pointer(pointer).expect("the definition is there");
            return self.value(schema);
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
            let choice = choices.choose(&mut self.rng).expect("a choice");
            return self.value(choice);
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.choose(&mut self.rng).and_then(Value::as_str),
            kind => kind.as_str(),
        };
        match kind.unwrap_or_else(|| panic!("no type: {schema}")) {
            "object" => self.object(schema),
            "array" => (0..self.rng.random_range(0..4)).map(|_| self.value(&schema["items"])).collect(),
            "string" if schema["format"] == "date-time" => json!(self.time()),
            "string" if schema["format"] == "date" => json!(self.date()),
            "string" => json!(self.text(schema)),
            "integer" if schema.get("maximum").is_none() => json!(self.rng.random::<u64>()),
            "integer" => {
                let limit = |name: &str| schema[name].as_i64().expect("a limit");
                let (least, most) = (limit("minimum"), limit("maximum"));
                let some = self.rng.random_range(least..=most);
                json!(self.one(&[least, most, 0, 1, -1, some]))
            }
            "boolean" => json!(self.chance(0.5)),
            "null" => Value::Null,
            other => panic!("no value is made of type {other}"),
        }
    }

    fn object(&mut self, schema: &Value) -> Value {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut object = Map::new();
        for (name, of) in schema["properties"].as_object().expect("members") {
            if required.contains(&json!(name)) || self.chance(0.5) {
                object.insert(name.clone(), self.value(of));
            }
        }
        if self.chance(0.1) {
            object.insert("aMemberOfItsOwn".to_owned(), json!([{ "x": 1.5e300 }]));
        }
        Value::Object(object)
    }

    fn text(&mut self, schema: &Value) -> String {
        let least = schema["minLength"].as_u64().unwrap_or(0);
        let most = schema["maxLength"].as_u64().expect("a limit");
        let length = match self.rng.random_range(0..20) {
            0 => most,
            1 => least,
            _ => self.rng.random_range(least..=most.min(8)),
        };
        let is_visible = schema["pattern"].as_str().is_some_and(|pattern| pattern.contains("u001f"));
        let others: &[char] = if is_visible { &['\u{a0}'] } else { &['\n', '\u{1}', '\u{202e}', '\u{7f}'] };
        (0..length)
            .map(|_| {
                if self.chance(0.1) {
                    self.one(others)
                } else {
                    self.one(&['a', 'Z', '7', ' ', '"', '\\', 'å', '🎿', '\u{301}'])
                }
            })
            .collect()
    }

    fn date(&mut self) -> String {
        let mut number = |most: u32, width: usize| format!("{:0width$}", self.rng.random_range(1..=most));
        format!("{}-{}-{}", number(9999, 4), number(12, 2), number(28, 2))
    }

    fn time(&mut self) -> String {
        let date = self.date();
        let mut number = |most: u32, width: usize| format!("{:0width$}", self.rng.random_range(1..=most));
        let time = format!("{}:{}:{}", number(23, 2), number(59, 2), number(59, 2));
        let fraction = match self.rng.random_range(0..3) {
            0 => String::new(),
            _ => format!(".{}", "123456789012".split_at(self.rng.random_range(1..=12)).0),
        };
        let (t, offset) =
            (self.one(&['T', 't']), self.one(&["Z", "z", "+02:00", "-11:30", "+23:59", "-00:00"]));
        format!("{date}{t}{time}{fraction}{offset}")
    }

    /// Gives the event amounts that add up, and what its type needs.
    fn reconcile(&mut self, event: &mut Value) {
        event["tenant"]["country"]["currency"] = json!("NOK");
        let receipt = &mut event["orderReceipt"];
        let kind = self.one(&["SALE", "RETURN", "PAYMENT"]);
        receipt["order"]["type"] = json!(kind);
        if kind != "PAYMENT" && receipt["items"] == json!([]) {
            let item = self.value(&self.schema["$defs"]["Item"]);
            receipt["items"] = json!([item]);
        }
        let (mut total, mut vat) = (0, 0);
        for item in receipt["items"].as_array_mut().expect("items") {
            let sign = if kind == "RETURN" { -1 } else { 1 };
            let (pieces, price) =
                (self.rng.random_range(0..=300_i64), self.one(&[0, 1, 33, 9_990, 3_333_333_333]));
            let gross = pieces * price;
            let discount = self.one(&[0, gross / 3, gross]);
            let rate = self.one(&[0, 600, 1_200, 1_500, 2_500, 2_550, 10_000]);
            let line_total = sign * (gross - discount);
            let line_vat = line_total * rate / (10_000 + rate);
            item["quantity"] = json!(sign * pieces * 100);
            item["unitPrice"] = json!(price);
            item["discountAmount"] = json!(sign * discount);
            item["total"] = json!(line_total);
            item["vatRate"] = json!(rate);
            item["vatAmount"] = json!(line_vat);
            (total, vat) = (total + line_total, vat + line_vat);
        }
        let totals = &mut receipt["orderTotals"];
        totals["grandTotal"] = json!(total + self.rng.random_range(-100..=100));
        totals["vatTotal"] = json!(vat);
        totals["vat"] = json!(null);
        let settlements = receipt["settlements"].as_array_mut().expect("settlements");
        for settlement in settlements.iter_mut() {
            settlement["kind"] = json!(self.one(&["CARD", "CASH", "CASHBACK", "PRE_PAYMENT", "OTHER", "x"]));
            settlement["state"] = json!(self.one(&["COMPLETED", "COMPLETED", "FAILED"]));
            settlement["amount"] = json!(total.signum() * self.rng.random_range(0..=1_000_000_000_000_i64));
            settlement["settledAt"] = json!(self.time());
        }
        receipt["settlementTotal"] = json!(counted(receipt));
        receipt["referencedVoucherNumber"] = json!("998");
    }

    /// Takes a value out of the event, or puts another one in its place.
    fn break_somewhere(&mut self, event: &mut Value) {
        let mut pointers = Vec::new();
        collect(event, "", &mut pointers);
        let pointer = pointers.choose(&mut self.rng).expect("a member").clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        if self.chance(0.3)
            && let Some(Value::Object(parent)) = event.pointer_mut(parent)
        {
            parent.remove(name);
            return;
        }
        let long = "é".repeat(1_001);
        let values = [
            json!(null),
            json!(true),
            json!(""),
            json!("."),
            json!("x"),
            json!(long),
            json!("nul\0"),
            json!("two\nlines"),
            json!("2026-02-30T09:15:42Z"),
            json!("2026-11-02T09:15:60Z"),
            json!("2026-11-02 09:15:42Z"),
            json!("0000-11-02T09:15:42Z"),
            json!(-1),
            json!(0),
            json!(7),
            json!(25.5),
            json!(2500.0),
            json!(10_000_000_000_001_i64),
            json!(u64::MAX),
            json!(1e300),
            json!([]),
            json!({}),
        ];
        let value = values.choose(&mut self.rng).expect("a value").clone();
        *event.pointer_mut(&pointer).expect("it was there") = value;
    }
}

/// The pointers of all values inside.
fn collect(json: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match json {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (name, value) in children {
        let pointer = format!("{at}/{name}");
        collect(value, &pointer, found);
        found.push(pointer);
    }
}
