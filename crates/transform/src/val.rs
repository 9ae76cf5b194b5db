//! The values that filters work on: JSON with exact numbers, each with the place it comes from.

use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

use indexmap::IndexMap;
use jaq_core::box_iter::box_once;
use jaq_core::path::Opt;
use jaq_core::val::{Range, ValR, ValX};
use jaq_core::{Error, Exn, ValT};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::meter::{Limit, MAX_DEPTH, charge, charge_bytes, charge_text, exceed, limit_text};
use crate::place::{Key, Place};

/// A value, and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Val {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
}

/// JSON. What is shared is never changed, only copied.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// With how many members deep it is missing: `.a.b.c` of nothing would go on for ever.
    Null(u8),
    Bool(bool),
    Number(Decimal),
    /// A number of the source that has no place in a decimal, as it is written. It can be passed on, and nothing
    /// can be computed with it.
    Huge(Rc<str>),
    Text(Rc<str>),
    Array(Rc<Array>),
    Object(Rc<Object>),
}

/// Elements, and an upper bound for the levels within.
#[derive(Clone, Debug, Default)]
pub(crate) struct Array {
    pub(crate) elements: Vec<Val>,
    depth: u8,
}

/// Members in their order, and an upper bound for the levels within.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    pub(crate) members: IndexMap<Rc<str>, Val>,
    depth: u8,
}

impl Array {
    fn push(&mut self, value: Val) {
        self.depth = self.depth.max(value.levels_around());
        self.elements.push(value);
    }
}

impl Object {
    /// Inserts a member where there is none, or null.
    pub(crate) fn supply(&mut self, key: &str, value: impl FnOnce() -> Option<Val>) {
        let is_missing = self.members.get(key).is_none_or(|value| matches!(value.kind, Kind::Null(_)));
        if is_missing && let Some(value) = value() {
            self.insert(key.into(), value);
        }
    }

    pub(crate) fn insert(&mut self, key: Rc<str>, value: Val) -> Option<Val> {
        self.depth = self.depth.max(value.levels_around());
        self.members.insert(key, value)
    }
}

impl Val {
    pub(crate) const NULL: Self = Self { kind: Kind::Null(0), place: Place::MIXED };

    pub(crate) fn new(kind: Kind, place: Place) -> Self {
        Self { kind, place }
    }

    pub(crate) fn text(text: impl AsRef<str>, place: Place) -> Self {
        let text = text.as_ref();
        charge_text(text.len());
        Self::new(Kind::Text(text.into()), place)
    }

    /// As computed: without zeros at the end.
    pub(crate) fn number(number: Decimal, place: Place) -> Self {
        Self::new(Kind::Number(number.normalize()), place)
    }

    pub(crate) fn array(elements: impl IntoIterator<Item = Self>, place: Place) -> Self {
        let mut array = Array::default();
        for element in elements {
            charge(1);
            array.push(element);
        }
        Self::new(Kind::Array(Rc::new(array)), place)
    }

    pub(crate) fn object(object: Object, place: Place) -> Self {
        Self::new(Kind::Object(Rc::new(object)), place)
    }

    /// The levels of an array or object that holds this value.
    fn levels_around(&self) -> u8 {
        let within = match &self.kind {
            Kind::Array(array) => array.depth,
            Kind::Object(object) => object.depth,
            _ => return 1,
        };
        if within >= MAX_DEPTH { exceed(Limit::Depth) } else { within + 1 }
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match &self.kind {
            Kind::Null(_) => "null",
            Kind::Bool(_) => "boolean",
            Kind::Number(_) | Kind::Huge(_) => "number",
            Kind::Text(_) => "string",
            Kind::Array(_) => "array",
            Kind::Object(_) => "object",
        }
    }

    pub(crate) fn as_text(&self) -> Result<&Rc<str>, Error<Self>> {
        match &self.kind {
            Kind::Text(text) => Ok(text),
            _ => Err(Error::typ(self.clone(), "a string")),
        }
    }

    pub(crate) fn as_number(&self) -> Result<Decimal, Error<Self>> {
        match &self.kind {
            Kind::Number(number) => Ok(*number),
            Kind::Huge(_) => Err(Error::typ(self.clone(), "a number of at most 28 digits")),
            _ => Err(Error::typ(self.clone(), "a number")),
        }
    }

    fn as_index(&self) -> Result<i64, Error<Self>> {
        let whole = self.as_number()?.trunc().to_i64();
        whole.ok_or_else(|| Error::typ(self.clone(), "an index"))
    }

    /// The member or element, where there is one.
    pub(crate) fn get(&self, index: &Self) -> Result<Option<Self>, Error<Self>> {
        let wrong = || Error::index(self.clone(), index.clone());
        charge(1);
        match (&self.kind, &index.kind) {
            (Kind::Null(_), Kind::Text(_) | Kind::Number(_) | Kind::Null(_)) => Ok(None),
            (Kind::Object(object), Kind::Text(key)) => {
                charge_bytes(key.len());
                Ok(object.members.get(key).cloned())
            }
            (Kind::Array(array), Kind::Number(_)) => {
                Ok(absolute(index.as_index()?, array.elements.len()).map(|at| array.elements[at].clone()))
            }
            (Kind::Array(_) | Kind::Text(_) | Kind::Null(_), Kind::Object(range)) => {
                let bound = |name: &str| range.members.get(name).cloned().unwrap_or(Self::NULL);
                self.clone().range(Some(&bound("start"))..Some(&bound("end"))).map(Some)
            }
            _ => Err(wrong()),
        }
    }

    /// What a missing member is.
    fn missing(&self, index: &Self) -> Self {
        let depth = match self.kind {
            Kind::Null(depth) if depth >= MAX_DEPTH => exceed(Limit::Depth),
            Kind::Null(depth) => depth + 1,
            _ => 0,
        };
        let place = match &index.kind {
            Kind::Text(key) => self.place.within(|| Key::Member(Rc::clone(key))),
            Kind::Number(_) => match index.as_index().ok().and_then(|at| usize::try_from(at).ok()) {
                Some(at) => self.place.within(|| Key::Element(at)),
                None => Place::MIXED,
            },
            _ => Place::MIXED,
        };
        Self::new(Kind::Null(depth), place)
    }

    pub(crate) fn into_array(self) -> Result<Vec<Self>, Error<Self>> {
        match self.kind {
            Kind::Array(array) => {
                charge(array.elements.len() as u64);
                Ok(Rc::try_unwrap(array).map_or_else(|array| array.elements.clone(), |array| array.elements))
            }
            _ => Err(Error::typ(self, "an array")),
        }
    }

    fn rank(&self) -> u8 {
        match &self.kind {
            Kind::Null(_) => 0,
            Kind::Bool(false) => 1,
            Kind::Bool(true) => 2,
            Kind::Number(_) | Kind::Huge(_) => 3,
            Kind::Text(_) => 4,
            Kind::Array(_) => 5,
            Kind::Object(_) => 6,
        }
    }
}

/// An index from the beginning, or with a minus from the end.
fn absolute(index: i64, length: usize) -> Option<usize> {
    let at = if index < 0 {
        length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
    } else {
        usize::try_from(index).ok()?
    };
    (at < length).then_some(at)
}

/// The bounds of a slice, within the length.
fn bounds(range: &Range<&Val>, length: usize) -> Result<std::ops::Range<usize>, Error<Val>> {
    let bound = |value: Option<&Val>, default: usize, up: bool| match value {
        None => Ok(default),
        Some(value) if matches!(value.kind, Kind::Null(_)) => Ok(default),
        Some(value) => {
            let number = value.as_number()?;
            let number = if up { number.ceil() } else { number.floor() };
            let number = number.to_i64().unwrap_or(i64::MAX);
            let number =
                if number < 0 { number.saturating_add_unsigned(length as u64).max(0) } else { number };
            Ok(usize::try_from(number).unwrap_or(length).min(length))
        }
    };
    let (start, end) = (bound(range.start, 0, false)?, bound(range.end, length, true)?);
    Ok(start..end.max(start))
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Val {}

impl PartialOrd for Val {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// jq's order. Every comparison counts, also within a sort.
impl Ord for Val {
    fn cmp(&self, other: &Self) -> Ordering {
        charge(1);
        match (&self.kind, &other.kind) {
            (Kind::Number(one), Kind::Number(other)) => one.cmp(other),
            (Kind::Text(one), Kind::Text(other)) => {
                charge_bytes(one.len().min(other.len()));
                one.cmp(other)
            }
            (Kind::Array(one), Kind::Array(other)) => one.elements.cmp(&other.elements),
            (Kind::Object(one), Kind::Object(other)) => {
                let (mut keys, mut other_keys): (Vec<_>, Vec<_>) =
                    (one.members.keys().collect(), other.members.keys().collect());
                for keys in [&mut keys, &mut other_keys] {
                    charge_bytes(keys.iter().map(|key| 1 + key.len()).sum());
                    keys.sort_unstable();
                }
                let values = || {
                    keys.iter()
                        .map(|key| &one.members[*key])
                        .cmp(other_keys.iter().map(|key| &other.members[*key]))
                };
                keys.cmp(&other_keys).then_with(values)
            }
            (Kind::Number(_) | Kind::Huge(_), Kind::Number(_) | Kind::Huge(_)) => cmp_huge(self, other),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// Numbers of which one at least is huge: by their size, then by how they are written.
fn cmp_huge(one: &Val, other: &Val) -> Ordering {
    let text = |value: &Val| match &value.kind {
        Kind::Huge(text) => text.to_string(),
        Kind::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let (one, other) = (text(one), text(other));
    let size = |text: &str| text.parse().unwrap_or(0.0_f64);
    size(&one).total_cmp(&size(&other)).then_with(|| one.cmp(&other))
}

/// The longest text of a filter's own that errors repeat, in bytes.
const MOST_SHOWN: usize = 64;

/// For errors: what is the event's is called by its type and place, never shown.
impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.kind, self.place.path()) {
            (Kind::Text(text), _) if self.place == Place::FILTER && text.len() <= MOST_SHOWN => {
                write!(f, "{text:?}")
            }
            (Kind::Number(number), _) if self.place == Place::FILTER => write!(f, "{number}"),
            (Kind::Null(_), Some(path)) => write!(f, "null at {path}"),
            (Kind::Null(_), None) => f.write_str("null"),
            (_, Some(path)) => write!(f, "the {} at {path}", self.type_name()),
            (_, None) => {
                let name = self.type_name();
                write!(f, "{} {name}", if name.starts_with(['a', 'o']) { "an" } else { "a" })
            }
        }
    }
}

impl From<bool> for Val {
    fn from(value: bool) -> Self {
        Self::new(Kind::Bool(value), Place::FILTER)
    }
}

impl From<isize> for Val {
    fn from(value: isize) -> Self {
        Self::new(Kind::Number(Decimal::from(value)), Place::FILTER)
    }
}

impl From<usize> for Val {
    fn from(value: usize) -> Self {
        Self::new(Kind::Number(Decimal::from(value)), Place::FILTER)
    }
}

/// Asked for by jaq's library, for functions that filters do not have.
impl From<f64> for Val {
    fn from(value: f64) -> Self {
        Decimal::from_f64_retain(value).map_or(Self::NULL, |number| Self::number(number, Place::FILTER))
    }
}

/// A text of the filter, or an error of jaq's own.
impl From<String> for Val {
    fn from(value: String) -> Self {
        Self::text(value, Place::FILTER)
    }
}

impl From<Range<Self>> for Val {
    fn from(range: Range<Self>) -> Self {
        let mut object = Object::default();
        object.insert("start".into(), range.start.unwrap_or(Self::NULL));
        object.insert("end".into(), range.end.unwrap_or(Self::NULL));
        Self::object(object, Place::MIXED)
    }
}

impl FromIterator<Self> for Val {
    fn from_iter<I: IntoIterator<Item = Self>>(elements: I) -> Self {
        Self::array(elements, Place::MIXED)
    }
}

impl ValT for Val {
    fn from_num(text: &str) -> ValR<Self> {
        number(text)
            .map(|kind| Self::new(kind, Place::FILTER))
            .ok_or_else(|| Error::str("a number of the filter is not one"))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(members: I) -> ValR<Self> {
        let mut object = Object::default();
        for (key, value) in members {
            let key = Rc::clone(match &key.kind {
                Kind::Text(key) => key,
                _ => return Err(Error::typ(key, "the name of a member, which is a string")),
            });
            charge_bytes(key.len());
            object.insert(key, value);
        }
        Ok(Self::object(object, Place::MIXED))
    }

    fn key_values(self) -> Box<dyn Iterator<Item = ValR<(Self, Self), Self>>> {
        let place = self.place;
        match self.kind {
            Kind::Array(array) => {
                let count = array.elements.len();
                Box::new((0..count).map(move |at| {
                    charge(1);
                    Ok((Self::from(at), array.elements[at].clone()))
                }))
            }
            Kind::Object(object) => {
                let count = object.members.len();
                Box::new((0..count).filter_map(move |at| {
                    charge(1);
                    let (key, value) = object.members.get_index(at)?;
                    Some(Ok((Self::new(Kind::Text(Rc::clone(key)), place), value.clone())))
                }))
            }
            kind => box_once(Err(Error::typ(Self::new(kind, place), "an array or object"))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        Box::new(self.key_values().map(|entry| entry.map(|(_, value)| value)))
    }

    fn index(self, index: &Self) -> ValR<Self> {
        Ok(self.get(index)?.unwrap_or_else(|| self.missing(index)))
    }

    fn range(self, range: Range<&Self>) -> ValR<Self> {
        match &self.kind {
            Kind::Null(_) => Ok(self),
            Kind::Array(array) => {
                let bounds = bounds(&range, array.elements.len())?;
                Ok(Self::array(array.elements[bounds].iter().cloned(), self.place))
            }
            Kind::Text(text) => {
                charge_text(text.len());
                let bounds = bounds(&range, text.chars().count())?;
                let slice: String = text.chars().skip(bounds.start).take(bounds.len()).collect();
                Ok(Self::text(slice, self.place))
            }
            _ => Err(Error::typ(self, "an array or string")),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let place = self.place;
        match self.kind {
            Kind::Array(array) => {
                let mapped: Result<Vec<_>, _> = array.elements.iter().cloned().flat_map(f).collect();
                Ok(Self::array(mapped?, place))
            }
            Kind::Object(object) => {
                let mut mapped = Object::default();
                for (key, value) in &object.members {
                    charge(1);
                    if let Some(value) = f(value.clone()).next().transpose()? {
                        mapped.insert(Rc::clone(key), value);
                    }
                }
                Ok(Self::object(mapped, place))
            }
            kind => {
                opt.fail(Self::new(kind, place), |value| Exn::from(Error::typ(value, "an array or object")))
            }
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        mut self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        charge(1);
        if let (Kind::Array(_) | Kind::Text(_), Kind::Object(range)) = (&self.kind, &index.kind) {
            let bound = |name: &str| range.members.get(name).cloned().unwrap_or(Self::NULL);
            return self.map_range(Some(&bound("start"))..Some(&bound("end")), opt, f);
        }
        if let (Kind::Null(_), Kind::Text(_)) = (&self.kind, &index.kind) {
            self.kind = Kind::Object(Rc::default());
        }
        let old = match self.get(index) {
            Ok(old) => old,
            Err(error) => return opt.fail(self, |_| Exn::from(error)),
        };
        let is_there = old.is_some();
        let new = f(old.unwrap_or_else(|| self.missing(index))).next().transpose()?;
        match (&mut self.kind, &index.kind) {
            (Kind::Object(object), Kind::Text(key)) => {
                charge(shared(object, |object| object.members.len()));
                let object = Rc::make_mut(object);
                match new {
                    Some(new) => drop(object.insert(Rc::clone(key), new)),
                    None => drop(object.members.shift_remove(key)),
                }
                Ok(self)
            }
            (Kind::Array(array), Kind::Number(_)) if is_there => {
                charge(shared(array, |array| array.elements.len()));
                let array = Rc::make_mut(array);
                let at = index.as_index().ok().and_then(|at| absolute(at, array.elements.len()));
                match (at, new) {
                    (Some(at), Some(new)) => {
                        array.depth = array.depth.max(new.levels_around());
                        array.elements[at] = new;
                    }
                    (Some(at), None) => drop(array.elements.remove(at)),
                    (None, _) => {}
                }
                Ok(self)
            }
            _ => opt.fail(self, |value| Exn::from(Error::index(value, index.clone()))),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let Kind::Array(array) = &self.kind else {
            return opt.fail(self, |value| Exn::from(Error::typ(value, "an array")));
        };
        let bounds = match bounds(&range, array.elements.len()) {
            Ok(bounds) => bounds,
            Err(error) => return opt.fail(self, |_| Exn::from(error)),
        };
        let (before, rest) = array.elements.split_at(bounds.start);
        let (slice, after) = rest.split_at(bounds.len());
        let slice = f(Self::array(slice.iter().cloned(), self.place)).next().transpose()?;
        let slice = slice.map(Self::into_array).transpose()?.unwrap_or_default();
        Ok(Self::array(before.iter().cloned().chain(slice).chain(after.iter().cloned()), self.place))
    }

    fn as_bool(&self) -> bool {
        !matches!(self.kind, Kind::Null(_) | Kind::Bool(false))
    }

    fn into_string(self) -> Self {
        match self.kind {
            Kind::Text(_) => self,
            _ => Self::text(write(&self), self.place),
        }
    }
}

/// How much is copied before a change, where others have it too.
fn shared<T>(value: &Rc<T>, size: impl Fn(&T) -> usize) -> u64 {
    if Rc::strong_count(value) > 1 { size(value) as u64 } else { 0 }
}

/// What jaq's library asks of a value beyond this.
impl jaq_std::ValT for Val {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match &self.kind {
            Kind::Array(_) => Ok(self.into_array().into_iter().flatten().collect()),
            _ => Err(self),
        }
    }

    fn is_int(&self) -> bool {
        matches!(&self.kind, Kind::Number(number) if number.is_integer())
    }

    fn as_isize(&self) -> Option<isize> {
        self.as_number().ok().filter(Decimal::is_integer)?.to_isize()
    }

    fn as_f64(&self) -> Option<f64> {
        self.as_number().ok()?.to_f64()
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self.kind, Kind::Text(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::Text(text) => {
                charge_bytes(text.len());
                Some(text.as_bytes())
            }
            _ => None,
        }
    }

    fn as_sub_str(&self, sub: &[u8]) -> Self {
        Self::text(String::from_utf8_lossy(sub), self.place)
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::text(String::from_utf8_lossy(bytes.as_ref()), Place::MIXED)
    }
}

/// A number as JSON writes it; `None` where a decimal has no room for it.
pub(crate) fn number(text: &str) -> Option<Kind> {
    let number = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).ok()?
    } else {
        // More than 28 digits after the point are what a float leaves behind: they are rounded.
        text.parse::<Decimal>().ok()?
    };
    let number = if number.is_zero() { Decimal::ZERO } else { number };
    Some(Kind::Number(number))
}

/// Writes a value, counting as it goes.
pub(crate) fn write(value: &Val) -> String {
    let mut out = Vec::new();
    write_to(&mut out, value);
    // Only whole texts have been written.
    String::from_utf8(out).unwrap_or_default()
}

fn write_to(out: &mut Vec<u8>, value: &Val) {
    charge(1);
    match &value.kind {
        Kind::Null(_) => out.extend_from_slice(b"null"),
        Kind::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Kind::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Kind::Huge(text) => out.extend_from_slice(text.as_bytes()),
        Kind::Text(text) => write_text(out, text),
        Kind::Array(array) => {
            out.push(b'[');
            for (i, element) in array.elements.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_to(out, element);
            }
            out.push(b']');
        }
        Kind::Object(object) => {
            out.push(b'{');
            for (i, (key, value)) in object.members.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_text(out, key);
                out.push(b':');
                write_to(out, value);
            }
            out.push(b'}');
        }
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    limit_text(out.len() + text.len());
    charge_bytes(text.len());
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}
