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
pub fn faults<E: DeserializeOwned>(value: &RawValue, most: usize) -> Vec<Refusal> {
    let (mut refused, mut found) = (Refused::default(), Vec::new());
    while found.len() < most {
        let Err(refusal) = E::deserialize(Node::without(value, &refused)) else { break };
        let path: Vec<String> = refusal.parts().map(str::to_owned).collect();
        let is_new = path.is_empty() || refused.add(&path);
        if is_new {
            found.push(refusal);
        }
        // The whole is refused, or a stand-in is: there is nothing more to be learnt.
        if path.is_empty() || !is_new {
            break;
        }
    }
    found
}

/// The refused places inside a value, by the parts of their paths. One without places inside is refused
/// itself.
#[derive(Debug, Default)]
pub struct Refused(BTreeMap<String, Refused>);

impl Refused {
    /// Whether the place is a new one.
    fn add(&mut self, path: &[String]) -> bool {
        let Some((part, rest)) = path.split_first() else {
            return !std::mem::take(&mut self.0).is_empty();
        };
        if let Some(inside) = self.0.get_mut(part) {
            return !inside.0.is_empty() && inside.add(rest);
        }
        let mut inside = self.0.entry(part.clone()).or_default();
        for part in rest {
            inside = inside.0.entry(part.clone()).or_default();
        }
        true
    }

    /// What is refused at a place, and inside it.
    pub fn at(&self, part: &str) -> Option<&Self> {
        self.0.get(part)
    }

    /// Whether the place itself is refused.
    pub fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    /// The members that are refused themselves, by their names.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        let whole = self.0.iter().filter(|(_, inside)| inside.is_whole());
        whole.filter_map(|(part, _)| part.strip_prefix('.'))
    }
}

/// Takes the place of a value that was refused: each type gets from it what it asks for.
pub struct StandIn;

/// A text that is a name, an identifier and a time.
const TEXT: &str = "2026-11-02T09:15:42Z";

impl<'de> Deserializer<'de> for StandIn {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_u64(0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_bool(false)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_borrowed_str(TEXT)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_borrowed_str(TEXT)
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
        visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<Self>()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_map(MapDeserializer::new(members.iter().map(|member| (*member, Self))))
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
