//! Paged lists, and lists of facts.

use maud::{Markup, Render, html};
use sync_store::Page;

/// One page of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    size: u32,
    offset: u32,
}

impl Window {
    pub(crate) fn new(size: u32, offset: u32) -> Self {
        Self { size, offset }
    }

    /// Requests one more than is shown, to know whether there are more.
    pub(crate) fn page(self) -> Page {
        Page { limit: self.size.saturating_add(1), offset: self.offset }
    }

    /// Truncates to what is shown; whether there are more.
    pub(crate) fn cut<T>(self, list: &mut Vec<T>) -> bool {
        let more = list.len() > self.size as usize;
        list.truncate(self.size as usize);
        more
    }

    /// Links to the previous and next page; `to` is the address of an offset.
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

/// In place of an empty list.
pub(crate) fn empty(heading: &str, meaning: Markup) -> Markup {
    html! { div.empty { p { strong { (heading) } } (meaning) } }
}

/// Names and values.
#[derive(Default)]
pub(crate) struct Facts(Vec<(&'static str, Markup)>);

impl Facts {
    pub(crate) fn with(mut self, name: &'static str, value: impl Render) -> Self {
        self.0.push((name, html! { (value) }));
        self
    }

    /// Omitted without a value.
    pub(crate) fn maybe(self, name: &'static str, value: Option<impl Render>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl Render for Facts {
    fn render(&self) -> Markup {
        html! {
            dl.fields { @for (name, value) in &self.0 { dt { (name) } dd { (value) } } }
        }
    }
}
