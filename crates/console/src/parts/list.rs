//! Lists in pages, and lists of nothing.

use maud::{Markup, html};
use sync_store::Page;

/// A part of a list: so many at a time, after so many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    size: u32,
    offset: u32,
}

impl Window {
    /// `size` at a time, after `offset`.
    pub(crate) fn new(size: u32, offset: u32) -> Self {
        Self { size, offset }
    }

    /// What is asked of the store: one more than is shown, which tells whether there are more.
    pub(crate) fn page(self) -> Page {
        Page { limit: self.size.saturating_add(1), offset: self.offset }
    }

    /// Leaves what is shown, and answers whether there are more.
    pub(crate) fn cut<T>(self, list: &mut Vec<T>) -> bool {
        let more = list.len() > self.size as usize;
        list.truncate(self.size as usize);
        more
    }

    /// The way to what comes before and after. `to` makes the address of an offset.
    pub(crate) fn links(self, shown: usize, more: bool, to: impl Fn(u32) -> String) -> Markup {
        if self.offset == 0 && !more {
            return html! {};
        }
        let first = self.offset.saturating_add(1);
        let last = self.offset.saturating_add(u32::try_from(shown).unwrap_or(u32::MAX));
        html! {
            nav.pages aria-label="Pages of the list" {
                @if self.offset > 0 {
                    a.button.quiet rel="prev" href=(to(self.offset.saturating_sub(self.size))) { "Newer" }
                }
                @if shown > 0 { span.muted { (first) "–" (last) } }
                @if more {
                    a.button.quiet rel="next" href=(to(self.offset.saturating_add(self.size))) { "Older" }
                }
            }
        }
    }
}

/// What an empty list means.
pub(crate) fn empty(heading: &str, meaning: Markup) -> Markup {
    html! { div.empty { p { strong { (heading) } } (meaning) } }
}
