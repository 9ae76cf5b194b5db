//! A template variable with members: a fixed list of names beside its values.

use std::ops::Deref;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

/// Cheaper to make than a map: the names are shared by all receipts.
#[derive(Debug)]
pub(crate) struct Group {
    names: &'static [&'static str],
    values: Box<[Value]>,
}

impl Group {
    /// Members by name; `names` and `values` in the same order.
    pub(crate) fn value<const N: usize>(names: &'static [&'static str; N], values: [Value; N]) -> Value {
        Value::from_object(Self { names, values: Box::new(values) })
    }
}

impl Object for Group {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let place = self.names.iter().position(|name| *name == key)?;
        self.values.get(place).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(self.names)
    }
}

/// An optional text; `none` where absent.
pub(crate) fn text(text: &Option<impl Deref<Target = str>>) -> Value {
    text.as_deref().map_or_else(|| Value::from(()), string)
}

/// A text on one line: whatever breaks lines or cannot be printed becomes a space.
pub(crate) fn string(text: &str) -> Value {
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        let spaced = text.replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ");
        Value::from(spaced.split_whitespace().collect::<Vec<_>>().join(" "))
    } else {
        Value::from(text.trim())
    }
}
