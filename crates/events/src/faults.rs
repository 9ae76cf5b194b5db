//! All that is wrong with the shape of a value, not only the first.
//!
//! serde ends at the first refusal. So the value is read again with a [`StandIn`] in the place of what was
//! refused, until nothing else is: a cost that only broken events have.

use std::collections::BTreeMap;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

use crate::node::Node;
use crate::refusal::Refusal;

/// Everything that is refused in a value that is not `E`, in the order in which it is met; at most `most`.
pub(crate) fn faults<E: DeserializeOwned>(value: &RawValue, most: usize) -> Vec<Refusal> {
    let (mut refused, mut found) = (Refused::default(), Vec::new());
    while found.len() < most {
        let Err(refusal) = E::deserialize(Node::without(value, &refused)) else { break };
        let path: Vec<String> = refusal.parts().map(str::to_owned).collect();
        if path.is_empty() {
            // The whole is refused: there is nothing more to be learnt.
            found.push(refusal);
            break;
        }
        match refused.add(&path) {
            Added::New => found.push(refusal),
            Added::OtherStandIn => {}
            // No stand-in is taken: what comes after this place stays unread.
            Added::NoStandIn => break,
        }
    }
    found
}

/// The refused places inside a value, by the parts of their paths. One without places inside is refused
/// itself.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    inside: BTreeMap<String, Refused>,
    stand_in: StandIn,
}

/// What becomes of a refused place.
enum Added {
    /// It was not known.
    New,
    /// Its stand-in was refused, and it gets the next.
    OtherStandIn,
    /// Its last stand-in was refused.
    NoStandIn,
}

impl Refused {
    fn add(&mut self, path: &[String]) -> Added {
        let Some((part, rest)) = path.split_first() else {
            return if std::mem::take(&mut self.inside).is_empty() {
                self.next_stand_in()
            } else {
                Added::New
            };
        };
        if let Some(inside) = self.inside.get_mut(part) {
            return if inside.is_whole() { inside.next_stand_in() } else { inside.add(rest) };
        }
        let mut inside = self.inside.entry(part.clone()).or_default();
        for part in rest {
            inside = inside.inside.entry(part.clone()).or_default();
        }
        Added::New
    }

    fn next_stand_in(&mut self) -> Added {
        let Some(next) = self.stand_in.next() else { return Added::NoStandIn };
        self.stand_in = next;
        Added::OtherStandIn
    }

    /// What is refused at a place, and inside it.
    pub(crate) fn at(&self, part: &str) -> Option<&Self> {
        self.inside.get(part)
    }

    /// What takes the place.
    pub(crate) fn stand_in(&self) -> StandIn {
        self.stand_in
    }

    /// Whether the place itself is refused.
    pub(crate) fn is_whole(&self) -> bool {
        self.inside.is_empty()
    }

    /// The members that are refused themselves, by their names, and what takes their places.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, StandIn)> {
        let whole = self.inside.iter().filter(|(_, inside)| inside.is_whole());
        whole.filter_map(|(part, inside)| Some((part.strip_prefix('.')?, inside.stand_in)))
    }
}

/// Takes the place of a value that was refused: each type gets from it what it asks for. The first has empty
/// arrays; where it is refused, the second has arrays of one element.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StandIn(usize);

/// A text that is a name, an identifier and a time; and one that is a target and base64.
const TEXTS: [&str; 2] = ["2026-11-02T09:15:42Z", "name"];

impl StandIn {
    fn next(self) -> Option<Self> {
        (self.0 + 1 < TEXTS.len()).then_some(Self(self.0 + 1))
    }
}

impl<'de> Deserializer<'de> for StandIn {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_u64(0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_bool(false)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_borrowed_str(TEXTS[self.0])
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_borrowed_str(TEXTS[self.0])
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_seq(SeqDeserializer::new(std::iter::repeat_n(self, self.0)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_map(MapDeserializer::new(members.iter().map(|member| (*member, self))))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_enum(variants.first().copied().unwrap_or_default().into_deserializer())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple
        tuple_struct map identifier
    }
}

impl IntoDeserializer<'_, Refusal> for StandIn {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}
