//! JSON text as something to read events from.
//!
//! What `serde_json` alone does not give: its errors quote the value that was found, its structs
//! also take arrays, and its enums also take objects. Here an error is a [`Refusal`], and every type
//! takes one shape of JSON only. The text is read level by level: members that no type asks for are
//! skipped, however deep they are nested.

use std::fmt;

use serde::de::{self, DeserializeSeed, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

use crate::faults::{Refused, StandIn};
use crate::refusal::{Refusal, one_of};

/// How deep members may be nested that a type asks for; the events need less than ten levels. No
/// type of ours is recursive: the limit keeps one that is from exhausting the stack.
const MOST_LEVELS: u8 = 64;

/// One JSON value, known to be well-formed.
#[derive(Clone, Copy)]
pub(crate) struct Node<'de> {
    value: &'de RawValue,
    level: u8,
    /// What is not to be read once more; nearly always none.
    refused: Option<&'de Refused>,
}

impl<'de> Node<'de> {
    /// The outermost value.
    pub(crate) fn new(value: &'de RawValue) -> Self {
        Self { value, level: 0, refused: None }
    }

    /// The outermost value, with stand-ins for what was refused in it.
    pub(crate) fn without(value: &'de RawValue, refused: &'de Refused) -> Self {
        Self { refused: Some(refused), ..Self::new(value) }
    }

    fn inner_level(self) -> Result<u8, Refusal> {
        if self.level < MOST_LEVELS {
            Ok(self.level + 1)
        } else {
            Err(Refusal::new(format!("at most {MOST_LEVELS} levels of nesting")))
        }
    }

    fn text(self) -> &'de str {
        self.value.get()
    }

    /// Fails only on an escape that stands for no character, half a surrogate pair.
    fn visit_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let inside = &self.text()[1..self.text().len() - 1];
        if !inside.contains('\\') {
            return visitor.visit_borrowed_str(inside);
        }
        match serde_json::from_str(self.text()) {
            Ok(text) => visitor.visit_string(text),
            Err(_) => Err(de::Error::invalid_value(Unexpected::Other("a broken escape"), &visitor)),
        }
    }

    /// Integers exactly, `-0` among them; anything else as the nearest float.
    fn visit_number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if let Ok(integer) = self.text().parse() {
            visitor.visit_i64(integer)
        } else if let Ok(integer) = self.text().parse() {
            visitor.visit_u64(integer)
        } else {
            match self.text().parse::<f64>() {
                Ok(float) if float.is_finite() => visitor.visit_f64(float),
                _ => Err(de::Error::invalid_value(Unexpected::Other("a huge number"), &visitor)),
            }
        }
    }
}

impl<'de> de::Deserializer<'de> for Node<'de> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.text().as_bytes()[0] {
            b'{' => visitor.visit_map(Members::of(self)?),
            b'[' => visitor.visit_seq(Elements::of(self)?),
            b'"' => self.visit_string(visitor),
            b't' => visitor.visit_bool(true),
            b'f' => visitor.visit_bool(false),
            b'n' => visitor.visit_unit(),
            _ => self.visit_number(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if self.text() == "null" { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        if self.text().starts_with('{') {
            self.deserialize_any(visitor)
        } else {
            Err(Refusal::new("an object"))
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if self.text().starts_with('[') {
            self.deserialize_any(visitor)
        } else {
            Err(Refusal::new("an array"))
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match serde_json::from_str::<String>(self.text()) {
            Ok(variant) => visitor.visit_enum(variant.into_deserializer()),
            Err(_) => Err(Refusal::new(one_of(variants))),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_any(visitor).map_err(|_| Refusal::new("a whole number, not below 0"))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct map identifier
    }
}

/// The members of an object, in their order, with those that appear twice.
struct Members<'de> {
    rest: std::vec::IntoIter<(String, &'de RawValue)>,
    /// Those that were refused, which come last.
    stand_ins: std::vec::IntoIter<(String, StandIn)>,
    current: Option<(String, Result<&'de RawValue, StandIn>)>,
    level: u8,
    refused: Option<&'de Refused>,
}

impl<'de> Members<'de> {
    fn of(node: Node<'de>) -> Result<Self, Refusal> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                std::iter::from_fn(|| map.next_entry().transpose()).collect()
            }
        }
        let mut json = serde_json::Deserializer::from_str(node.text());
        let pairs = de::Deserializer::deserialize_map(&mut json, Pairs);
        // The value is well-formed, but a key may still hold half a surrogate pair.
        let mut pairs = pairs.map_err(|_| Refusal::new("an object with readable names"))?;
        let mut stand_ins = Vec::new();
        if let Some(refused) = node.refused {
            stand_ins.extend(refused.members().map(|(name, stand_in)| (name.to_owned(), stand_in)));
            pairs.retain(|(name, _)| stand_ins.iter().all(|(refused, _)| refused != name));
        }
        Ok(Self {
            rest: pairs.into_iter(),
            stand_ins: stand_ins.into_iter(),
            current: None,
            level: node.inner_level()?,
            refused: node.refused,
        })
    }
}

impl<'de> de::MapAccess<'de> for Members<'de> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        let read = self.rest.next().map(|(name, value)| (name, Ok(value)));
        self.current = read.or_else(|| self.stand_ins.next().map(|(name, stand_in)| (name, Err(stand_in))));
        let name = self.current.as_ref().map(|(name, _)| name.as_str());
        name.map(|name| seed.deserialize(name.into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        let (name, value) = self.current.take().expect("serde asks for a value after its key");
        let part = || format!(".{name}");
        let read = match value {
            Ok(value) => {
                let refused = self.refused.and_then(|refused| refused.at(&part()));
                seed.deserialize(Node { value, level: self.level, refused })
            }
            Err(stand_in) => seed.deserialize(stand_in),
        };
        read.map_err(|refusal| refusal.within(part()))
    }
}

/// The elements of an array, numbered from 0.
struct Elements<'de> {
    rest: std::iter::Enumerate<std::vec::IntoIter<&'de RawValue>>,
    level: u8,
    refused: Option<&'de Refused>,
}

impl<'de> Elements<'de> {
    fn of(node: Node<'de>) -> Result<Self, Refusal> {
        let elements: Vec<&RawValue> =
            serde_json::from_str(node.text()).map_err(|_| Refusal::new("an array"))?;
        let rest = elements.into_iter().enumerate();
        Ok(Self { rest, level: node.inner_level()?, refused: node.refused })
    }
}

impl<'de> de::SeqAccess<'de> for Elements<'de> {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        let Some((index, value)) = self.rest.next() else { return Ok(None) };
        let part = || format!("[{index}]");
        let refused = self.refused.and_then(|refused| refused.at(&part()));
        let read = match refused {
            Some(refused) if refused.is_whole() => seed.deserialize(refused.stand_in()),
            refused => seed.deserialize(Node { value, level: self.level, refused }),
        };
        read.map(Some).map_err(|refusal| refusal.within(part()))
    }
}
