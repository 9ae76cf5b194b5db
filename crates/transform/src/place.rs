//! Where a value comes from, so that an error can name the path in the source event.
//!
//! Every value of the source has a place, and what is made of it keeps the place: `.total | tonumber * 100` is
//! still from `total`.

use std::cell::RefCell;
use std::rc::Rc;

/// Where a value comes from: an index into the places of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u32);

/// One step from the event inwards.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    /// Where a path begins, by what it is called.
    Root(&'static str),
    /// A member of an object.
    Member(Rc<str>),
    /// An element of an array.
    Element(usize),
}

thread_local! {
    static PLACES: RefCell<Vec<(Place, Key)>> = const { RefCell::new(Vec::new()) };
}

/// More are not told apart: values beyond are from nowhere.
const MOST: usize = 1 << 20;

impl Place {
    /// Made of several values, or from nowhere.
    pub(crate) const MIXED: Self = Self(0);
    /// The filter's own text or number.
    pub(crate) const FILTER: Self = Self(1);

    /// Forgets the places of the run before, and begins with the source event.
    pub(crate) fn start() -> Self {
        PLACES.with_borrow_mut(Vec::clear);
        Self::MIXED.child(Key::Root(""))
    }

    /// The place within this one; without a place nothing within has one.
    pub(crate) fn within(self, key: impl FnOnce() -> Key) -> Self {
        if self.is_known() { self.child(key()) } else { self }
    }

    /// A place where another path begins.
    pub(crate) fn root(name: &'static str) -> Self {
        Self::MIXED.child(Key::Root(name))
    }

    fn child(self, key: Key) -> Self {
        PLACES.with_borrow_mut(|places| {
            if places.len() >= MOST {
                return Self::MIXED;
            }
            places.push((self, key));
            u32::try_from(places.len() + 1).map_or(Self::MIXED, Self)
        })
    }

    /// Of what is made of two values.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::FILTER, Self::FILTER) => Self::FILTER,
            (one, _) if one.is_known() => one,
            (_, other) if other.is_known() => other,
            _ => Self::MIXED,
        }
    }

    pub(crate) fn is_known(self) -> bool {
        self.0 > Self::FILTER.0
    }

    /// As in `order.lines[0].total`; `$` is the whole event.
    pub(crate) fn path(self) -> Option<String> {
        let mut parts = Vec::new();
        PLACES.with_borrow(|places| {
            let mut at = self;
            while at.is_known() {
                let (parent, key) = places.get(at.0 as usize - 2)?;
                parts.push(key.clone());
                at = *parent;
            }
            Some(())
        })?;
        let mut path = String::new();
        for key in parts.into_iter().rev() {
            match key {
                Key::Root(name) => path.push_str(name),
                Key::Element(index) => path.push_str(&format!("[{index}]")),
                Key::Member(name) => path.push_str(&member(&path, &name)),
            }
        }
        match path.as_str() {
            "" if self.is_known() => Some("$".to_owned()),
            "" => None,
            path if path.starts_with('[') => Some(format!("${path}")),
            _ => Some(path),
        }
    }
}

/// A name of a member is cut here: nobody knows what is in it.
const MAX_NAME: usize = 64;

fn member(before: &str, name: &str) -> String {
    let is_plain = |name: &str| {
        !name.is_empty() && name.chars().all(|sign| sign.is_ascii_alphanumeric() || "_-$@".contains(sign))
    };
    let short: String = name.chars().take(MAX_NAME).filter(|sign| !sign.is_control()).collect();
    match (is_plain(&short), before) {
        (true, "") => short,
        (true, _) => format!(".{short}"),
        (false, _) => format!("[{short:?}]"),
    }
}
