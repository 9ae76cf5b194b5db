//! Writes XML: elements in order, texts escaped.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// A document in the making.
pub(crate) struct Xml(Writer<Vec<u8>>);

impl Xml {
    /// The document whose root has these namespaces, by prefix.
    pub(crate) fn document(
        root: &str,
        namespaces: &[(&str, &str)],
        content: impl FnOnce(&mut Self),
    ) -> String {
        let mut xml = Self(Writer::new_with_indent(Vec::new(), b' ', 2));
        xml.write(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        xml.element(root, namespaces, content);
        let mut text = String::from_utf8(xml.0.into_inner()).expect("texts are UTF-8");
        text.push('\n');
        text
    }

    fn write(&mut self, event: Event<'_>) {
        self.0.write_event(event).expect("memory takes all that is written");
    }

    fn element(&mut self, name: &str, attributes: &[(&str, &str)], content: impl FnOnce(&mut Self)) {
        let start = BytesStart::new(name).with_attributes(attributes.iter().copied());
        self.write(Event::Start(start));
        content(self);
        self.write(Event::End(BytesEnd::new(name)));
    }

    /// An element with elements in it.
    pub(crate) fn group(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.element(name, &[], content);
    }

    /// An element with a text in it.
    pub(crate) fn text(&mut self, name: &str, text: impl AsRef<str>) {
        self.element(name, &[], |xml| xml.write(Event::Text(BytesText::new(text.as_ref()))));
    }

    /// The same, where there is a text.
    pub(crate) fn optional(&mut self, name: &str, text: Option<impl AsRef<str>>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// An element with an attribute and a text in it.
    pub(crate) fn with(&mut self, name: &str, attribute: (&str, &str), text: impl AsRef<str>) {
        self.element(name, &[attribute], |xml| xml.write(Event::Text(BytesText::new(text.as_ref()))));
    }

    /// An identifier, with its scheme where it has one.
    pub(crate) fn id(&mut self, name: &str, (id, scheme): &(String, Option<&'static str>)) {
        match scheme {
            Some(scheme) => self.with(name, ("schemeID", scheme), id),
            None => self.text(name, id),
        }
    }
}
