//! Facts: names with their values.

use maud::{Markup, Render, html};

/// Names with their values, those that have one.
#[derive(Default)]
pub(crate) struct Facts(Vec<(&'static str, Markup)>);

impl Facts {
    /// One that is there in any case.
    pub(crate) fn with(mut self, name: &'static str, value: impl Render) -> Self {
        self.0.push((name, html! { (value) }));
        self
    }

    /// One that may be missing, and is left out then.
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
