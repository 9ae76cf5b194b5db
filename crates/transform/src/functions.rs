//! The functions of filters that are not jaq's own: exact, counted, and without the world outside.

use std::rc::Rc;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use events::store_clock::Zone;
use jaq_core::load::parse::Def;
use jaq_core::native::{Filter as Named, Fun, bome, run, unary, v};
use jaq_core::val::ValR;
use jaq_core::{Error, RunPtr};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::engine::Jq;
use crate::json;
use crate::meter::{charge, charge_bytes, charge_text};
use crate::place::Place;
use crate::regexes;
use crate::val::{self, Kind, Object, Val};

/// Definitions of jaq that filters do not have: what reaches out or ends the process, what computes with floats,
/// what lists paths (a path may grow for ever), and what is defined here.
const LEFT_OUT: [&str; 42] = [
    "stderr",
    "debug",
    "halt",
    "halt_error",
    "nan",
    "infinite",
    "isnan",
    "isinfinite",
    "isfinite",
    "isnormal",
    "logb",
    "significand",
    "pow10",
    "drem",
    "nexttoward",
    "scalb",
    "gamma",
    "finites",
    "normals",
    "pick",
    "paths",
    "todate",
    "fromdate",
    "@sh",
    "@html",
    "@htmld",
    "@uri",
    "@urid",
    "@base64",
    "@base64d",
    "type",
    "isboolean",
    "isnumber",
    "isstring",
    "isarray",
    "isobject",
    "join",
    "from_entries",
    "repeat",
    "scalars",
    "iterables",
    "combinations",
];

/// What jaq defines in its own language, and what is defined here.
pub(crate) fn definitions() -> Vec<Def<&'static str>> {
    let of_jaq = jaq_core::defs().chain(jaq_std::defs()).filter(|def| !LEFT_OUT.contains(&def.name));
    let own = jaq_core::load::parse(include_str!("functions.jq"), |parser| parser.defs());
    of_jaq.chain(own.expect("functions.jq is jq")).collect()
}

/// What jaq defines in Rust, and what is defined here.
pub(crate) fn natives() -> impl Iterator<Item = Fun<Jq>> {
    let of_core = jaq_core::funs::<Jq>().filter(|(name, ..)| !["path", "path_value"].contains(name));
    let of_library = jaq_std::base_funs::<Jq>()
        .filter(|(name, ..)| !["floor", "round", "ceil", "halt", "escape_sh", "implode"].contains(name));
    let own = own().into_iter().chain(regexes::functions());
    of_core.chain(of_library).chain(own.map(run::<Jq>))
}

fn own() -> Vec<Named<RunPtr<Jq>>> {
    vec![
        ("type", v(0), |cv| bome(Ok(Val::from(cv.1.type_name().to_owned())))),
        ("isboolean", v(0), |cv| bome(Ok(Val::from(matches!(cv.1.kind, Kind::Bool(_)))))),
        ("isnumber", v(0), |cv| bome(Ok(Val::from(matches!(cv.1.kind, Kind::Number(_) | Kind::Huge(_)))))),
        ("isstring", v(0), |cv| bome(Ok(Val::from(matches!(cv.1.kind, Kind::Text(_)))))),
        ("isarray", v(0), |cv| bome(Ok(Val::from(matches!(cv.1.kind, Kind::Array(_)))))),
        ("isobject", v(0), |cv| bome(Ok(Val::from(matches!(cv.1.kind, Kind::Object(_)))))),
        ("from_entries", v(0), |cv| bome(from_entries(cv.1))),
        ("length", v(0), |cv| bome(length(&cv.1))),
        ("has", v(1), |cv| unary(cv, |value, key| Ok(Val::from(value.get(&key)?.is_some())))),
        ("contains", v(1), |cv| unary(cv, |value, other| Ok(Val::from(contains(&value, &other))))),
        ("indices", v(1), |cv| unary(cv, |value, other| indices(&value, &other))),
        ("join", v(1), |cv| unary(cv, |value, separator| join(value, &separator))),
        ("tojson", v(0), |cv| bome(Ok(Val::text(val::write(&cv.1), cv.1.place)))),
        ("fromjson", v(0), |cv| bome(from_json(&cv.1))),
        ("tonumber", v(0), |cv| bome(to_number(&cv.1))),
        ("floor", v(0), |cv| bome(whole(&cv.1, RoundingStrategy::ToNegativeInfinity))),
        ("ceil", v(0), |cv| bome(whole(&cv.1, RoundingStrategy::ToPositiveInfinity))),
        ("round", v(0), |cv| bome(whole(&cv.1, RoundingStrategy::MidpointAwayFromZero))),
        ("@uri", v(0), |cv| {
            bome(
                to_text(cv.1).map(|text| {
                    Val::text(utf8_percent_encode(text.0.as_ref(), &RESERVED).to_string(), text.1)
                }),
            )
        }),
        ("@urid", v(0), |cv| {
            bome(to_text(cv.1).map(|text| Val::text(percent_decode_str(&text.0).decode_utf8_lossy(), text.1)))
        }),
        ("@base64", v(0), |cv| bome(to_text(cv.1).map(|text| Val::text(BASE64.encode(&*text.0), text.1)))),
        ("@base64d", v(0), |cv| bome(from_base64(cv.1))),
        ("todate", v(0), |cv| bome(timestamp(&cv.1, None, None))),
        ("fromdate", v(0), |cv| bome(from_date(&cv.1))),
        ("timestamp", v(0), |cv| bome(timestamp(&cv.1, None, None))),
        ("timestamp", v(1), |cv| unary(cv, |value, zone| timestamp(&value, Some(&zone), None))),
        ("timestamp", v(2), |mut cv| {
            let format = cv.0.pop_var();
            let zone = cv.0.pop_var();
            bome(timestamp(&cv.1, Some(&zone), Some(&format)))
        }),
    ]
}

/// Entries as jq takes them: with `key`, `k` or `name`, and `value` or `v`.
fn from_entries(entries: Val) -> ValR<Val> {
    let place = entries.place;
    let mut object = Object::default();
    for entry in entries.into_array()? {
        let Kind::Object(members) = &entry.kind else {
            return Err(Error::typ(entry, "an entry, which is an object"));
        };
        let first = |names: &[&str]| names.iter().find_map(|name| members.members.get(*name)).cloned();
        let key = first(&["key", "k", "name", "Key", "K", "Name"]).unwrap_or(Val::NULL);
        let value = first(&["value", "v", "Value", "V"]).unwrap_or(Val::NULL);
        object.insert(to_text(key)?.0, value);
    }
    Ok(Val::object(object, place))
}

fn length(value: &Val) -> ValR<Val> {
    let length = match &value.kind {
        Kind::Null(_) => 0,
        Kind::Bool(_) => return Err(Error::typ(value.clone(), "something with a length")),
        Kind::Number(number) => return Ok(Val::number(number.abs(), value.place)),
        Kind::Huge(_) => return value.as_number().map(|number| Val::number(number, value.place)),
        Kind::Text(text) => {
            charge_bytes(text.len());
            text.chars().count()
        }
        Kind::Array(array) => array.elements.len(),
        Kind::Object(object) => object.members.len(),
    };
    Ok(Val::new(Val::from(length).kind, value.place))
}

fn contains(value: &Val, other: &Val) -> bool {
    charge(1);
    match (&value.kind, &other.kind) {
        (Kind::Text(text), Kind::Text(part)) => {
            charge_bytes(text.len());
            text.contains(&**part)
        }
        (Kind::Array(array), Kind::Array(others)) => {
            others.elements.iter().all(|other| array.elements.iter().any(|value| contains(value, other)))
        }
        (Kind::Object(object), Kind::Object(others)) => others
            .members
            .iter()
            .all(|(key, other)| object.members.get(key).is_some_and(|value| contains(value, other))),
        _ => value == other,
    }
}

fn indices(value: &Val, other: &Val) -> ValR<Val> {
    let at: Vec<usize> = match (&value.kind, &other.kind) {
        (Kind::Null(_), _) => return Ok(Val::NULL),
        (Kind::Text(text), Kind::Text(part)) => {
            charge_text(text.len());
            let starts = text.match_indices(&**part).map(|(at, _)| at);
            if part.is_empty() { Vec::new() } else { characters_before(text, starts) }
        }
        (Kind::Array(array), Kind::Array(others)) if !others.elements.is_empty() => {
            let windows = array.elements.windows(others.elements.len()).enumerate();
            windows.filter(|(_, window)| **window == *others.elements).map(|(at, _)| at).collect()
        }
        (Kind::Array(_), Kind::Array(_)) => Vec::new(),
        (Kind::Array(array), _) => {
            let elements = array.elements.iter().enumerate();
            elements.filter(|(_, element)| *element == other).map(|(at, _)| at).collect()
        }
        _ => return Err(Error::index(value.clone(), other.clone())),
    };
    Ok(Val::array(at.into_iter().map(Val::from), value.place))
}

/// Indices in characters of ascending indices in bytes.
fn characters_before(text: &str, starts: impl Iterator<Item = usize>) -> Vec<usize> {
    let (mut bytes, mut characters) = (0, 0);
    starts
        .map(|start| {
            characters += text[bytes..start].chars().count();
            bytes = start;
            characters
        })
        .collect()
}

fn join(value: Val, separator: &Val) -> ValR<Val> {
    let place = value.place;
    let elements = value.into_array()?;
    let mut parts = Vec::with_capacity(elements.len());
    for element in elements {
        parts.push(match element.kind {
            Kind::Null(_) => Rc::from(""),
            _ => to_text(element)?.0,
        });
    }
    let separator = if parts.len() > 1 { Rc::clone(separator.as_text()?) } else { Rc::from("") };
    charge_text(parts.iter().map(|part| part.len() + separator.len()).sum());
    Ok(Val::text(parts.join(&*separator), place))
}

/// The text of a value, as interpolation has it, and its place.
fn to_text(value: Val) -> Result<(Rc<str>, Place), Error<Val>> {
    let value = jaq_core::ValT::into_string(value);
    Ok((Rc::clone(value.as_text()?), value.place))
}

fn from_json(value: &Val) -> ValR<Val> {
    let text = value.as_text()?;
    charge_bytes(text.len());
    json::read(text, value.place).map_err(|error| Error::str(format!("in {value}: {error}")))
}

fn to_number(value: &Val) -> ValR<Val> {
    match &value.kind {
        Kind::Number(_) | Kind::Huge(_) => Ok(value.clone()),
        Kind::Text(text) => {
            charge_bytes(text.len());
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            let kind = val::number(text).filter(|_| is_plain);
            kind.map(|kind| Val::new(kind, value.place)).ok_or_else(|| Error::typ(value.clone(), "a number"))
        }
        _ => Err(Error::typ(value.clone(), "a number")),
    }
}

fn whole(value: &Val, strategy: RoundingStrategy) -> ValR<Val> {
    Ok(Val::number(value.as_number()?.round_dp_with_strategy(0, strategy), value.place))
}

/// What RFC 3986 leaves as it is.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// With padding; read with or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(crate) fn from_base64(value: Val) -> ValR<Val> {
    charge_bytes(value.as_text()?.len());
    let bytes = BASE64.decode(value.as_text()?.trim_end());
    match bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => Ok(Val::text(text, value.place)),
        None => Err(Error::typ(value, "text in base64")),
    }
}

fn from_date(value: &Val) -> ValR<Val> {
    let moment = DateTime::parse_from_rfc3339(value.as_text()?);
    let moment = moment.map_err(|_| Error::typ(value.clone(), "a time in RFC 3339"))?;
    let seconds = Decimal::from(moment.timestamp_millis()) / Decimal::from(1000);
    Ok(Val::number(seconds, value.place))
}

/// How times are written that have an offset, but are not in RFC 3339.
const WITH_OFFSET: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z"];

/// How they are written without one.
const LOCAL: [&str; 4] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];

/// From here on, seconds are milliseconds: it is the year 5138, or 1973.
const MILLISECONDS: i64 = 100_000_000_000;

/// A time in RFC 3339. One without an offset is a local time of the zone.
fn timestamp(value: &Val, zone: Option<&Val>, format: Option<&Val>) -> ValR<Val> {
    let zone = match zone {
        None => None,
        Some(name) => {
            let zone = name.as_text()?.parse::<Zone>();
            Some(zone.map_err(|_| Error::typ(name.clone(), "a time zone, as in \"Europe/Oslo\""))?)
        }
    };
    let written = |moment: DateTime<chrono::FixedOffset>| {
        Ok(Val::text(moment.to_rfc3339_opts(SecondsFormat::AutoSi, true), value.place))
    };
    let number = match &value.kind {
        Kind::Number(number) => Some(*number),
        Kind::Text(text) if text.len() <= 20 && format.is_none() => text.parse().ok(),
        _ => None,
    };
    if let Some(number) = number {
        let many = number.abs() >= Decimal::from(MILLISECONDS);
        let milliseconds = if many { Some(number) } else { number.checked_mul(Decimal::from(1000)) };
        let moment = milliseconds.and_then(|number| DateTime::from_timestamp_millis(number.to_i64()?));
        let moment = moment.ok_or_else(|| Error::typ(value.clone(), "seconds or milliseconds since 1970"))?;
        let moment = moment.fixed_offset();
        return written(zone.map_or(moment, |zone| events::store_clock::local(moment, Some(zone), None)));
    }
    let text = value.as_text()?;
    charge_bytes(text.len());
    if events::Timestamp::parse(text).is_some() {
        return Ok(value.clone());
    }
    let (with_offset, local): (&[&str], &[&str]) = match format {
        Some(format) => (&[&**format.as_text()?], &[&**format.as_text()?]),
        None => (&WITH_OFFSET, &LOCAL),
    };
    if let Some(moment) = with_offset.iter().find_map(|format| DateTime::parse_from_str(text, format).ok()) {
        return written(moment);
    }
    let local = local.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    match (local, zone) {
        (Some(local), Some(zone)) => {
            let moment = zone.moment_of(local).ok_or_else(|| Error::typ(value.clone(), "a time"))?;
            written(moment)
        }
        (Some(_), None) => Err(Error::str(format!(
            "{value} has no offset: say whose local time it is, as in timestamp(\"Europe/Oslo\")"
        ))),
        (None, _) => {
            Err(Error::typ(value.clone(), "a time, as in 2026-11-02T09:15:42Z or 2026-11-02 10:15:42"))
        }
    }
}
