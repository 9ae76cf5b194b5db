//! The bytes of a document: objects packed and deflated together, and where each is (ISO 32000-1, 7.5.7 and 7.5.8).
//!
//! lopdf writes one object after the other with a table of 20 bytes for each: with the hundreds of small ones that a
//! tagged document has, that is half of a receipt.

use std::io::Write as _;

use lopdf::{Dictionary, Object, ObjectId, StringFormat, dictionary};

use crate::deflate::deflate_fast;

/// A document that is being written.
pub(super) struct File {
    bytes: Vec<u8>,
    /// By object number.
    places: Vec<Place>,
    packed: Vec<u8>,
    /// Number and place of each packed object.
    index: Vec<(u32, usize)>,
}

#[derive(Clone, Copy)]
enum Place {
    Free,
    At(usize),
    /// Among the packed ones.
    Packed(usize),
}

impl File {
    /// A document whose last object has this number.
    pub(super) fn new(last: u32) -> Self {
        let mut bytes = Vec::with_capacity(24 * 1024);
        bytes.extend_from_slice(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n");
        // The packed objects and the table of places come last.
        let places = vec![Place::Free; last as usize + 3];
        Self { bytes, places, packed: Vec::with_capacity(16 * 1024), index: Vec::new() }
    }

    /// Adds an object of lopdf's.
    pub(super) fn add(&mut self, id: ObjectId, object: &Object) {
        match object {
            Object::Stream(stream) => self.stream(id.0, &stream.dict, &stream.content),
            object => self.pack(id.0, |bytes| write(bytes, object)),
        }
    }

    /// Adds an object that is no stream; what is given writes it.
    pub(super) fn pack(&mut self, number: u32, object: impl FnOnce(&mut Vec<u8>)) {
        self.places[number as usize] = Place::Packed(self.index.len());
        self.index.push((number, self.packed.len()));
        object(&mut self.packed);
        self.packed.push(b'\n');
    }

    fn stream(&mut self, number: u32, dictionary: &Dictionary, content: &[u8]) {
        self.places[number as usize] = Place::At(self.bytes.len());
        integer(&mut self.bytes, number as usize);
        self.bytes.extend_from_slice(b" 0 obj\n");
        write_dictionary(&mut self.bytes, dictionary, Some(content.len()));
        self.bytes.extend_from_slice(b"\nstream\n");
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(b"\nendstream\nendobj\n");
    }

    /// The file.
    pub(super) fn finish(mut self, trailer: &Dictionary) -> Vec<u8> {
        let last = self.places.len() as u32 - 1;
        let packed = last - 1;
        let mut content = Vec::with_capacity(self.packed.len() + self.index.len() * 10);
        for (number, place) in &self.index {
            integer(&mut content, *number as usize);
            content.push(b' ');
            integer(&mut content, *place);
            content.push(b' ');
        }
        let first = content.len();
        content.append(&mut self.packed);
        let dictionary = dictionary! {
            "Type" => "ObjStm", "N" => self.index.len() as i64, "First" => first as i64, "Filter" => "FlateDecode",
        };
        self.stream(packed, &dictionary, &deflate_fast(&content));

        let start = self.bytes.len();
        self.places[last as usize] = Place::At(start);
        let mut dictionary = trailer.clone();
        dictionary.set("Type", "XRef");
        dictionary.set("Size", i64::from(last) + 1);
        dictionary.set("W", vec![1.into(), 4.into(), 3.into()]);
        dictionary.set("Filter", "FlateDecode");
        dictionary.set("DecodeParms", dictionary! { "Predictor" => 12, "Columns" => 8 });
        self.stream(last, &dictionary, &deflate_fast(&self.table(packed)));
        let _ = write!(self.bytes, "startxref\n{start}\n%%EOF\n");
        self.bytes
    }

    /// Kind and place of each object. Each row is what it is more than the one above it, which deflates to little.
    fn table(&self, packed: u32) -> Vec<u8> {
        let mut table = Vec::with_capacity(self.places.len() * 9);
        let mut above = [0; 8];
        for place in &self.places {
            let (kind, first, second) = match *place {
                Place::Free => (0, 0, 0),
                Place::At(place) => (1, place as u32, 0),
                Place::Packed(index) => (2, packed, index as u32),
            };
            let mut row = [kind, 0, 0, 0, 0, 0, 0, 0];
            row[1..5].copy_from_slice(&u32::to_be_bytes(first));
            row[5..].copy_from_slice(&u32::to_be_bytes(second)[1..]);
            const UP: u8 = 2;
            table.push(UP);
            table.extend(row.iter().zip(above).map(|(byte, above): (&u8, u8)| byte.wrapping_sub(above)));
            above = row;
        }
        table
    }
}

fn write(bytes: &mut Vec<u8>, object: &Object) {
    match object {
        Object::Null => bytes.extend_from_slice(b"null"),
        Object::Boolean(value) => bytes.extend_from_slice(if *value { b"true" } else { b"false" }),
        Object::Integer(value) => drop(write!(bytes, "{value}")),
        Object::Real(value) => drop(write!(bytes, "{value}")),
        Object::Name(name) => write_name(bytes, name),
        Object::String(text, StringFormat::Literal) => write_string(bytes, text),
        Object::String(text, StringFormat::Hexadecimal) => {
            bytes.push(b'<');
            text.iter().for_each(|byte| drop(write!(bytes, "{byte:02x}")));
            bytes.push(b'>');
        }
        Object::Array(items) => {
            bytes.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    bytes.push(b' ');
                }
                write(bytes, item);
            }
            bytes.push(b']');
        }
        Object::Dictionary(dictionary) => write_dictionary(bytes, dictionary, None),
        Object::Reference((number, _)) => reference(bytes, *number),
        // A stream is no part of another object.
        Object::Stream(_) => {}
    }
}

fn write_dictionary(bytes: &mut Vec<u8>, dictionary: &Dictionary, length: Option<usize>) {
    bytes.extend_from_slice(b"<<");
    for (key, value) in dictionary.iter().filter(|(key, _)| length.is_none() || *key != b"Length") {
        write_name(bytes, key);
        if !matches!(value, Object::Name(_) | Object::Array(_) | Object::Dictionary(_) | Object::String(..)) {
            bytes.push(b' ');
        }
        write(bytes, value);
    }
    if let Some(length) = length {
        bytes.extend_from_slice(b"/Length ");
        integer(bytes, length);
    }
    bytes.extend_from_slice(b">>");
}

fn write_name(bytes: &mut Vec<u8>, name: &[u8]) {
    bytes.push(b'/');
    for byte in name {
        match byte {
            b'!'..=b'~' if !b"()<>[]{}/%#".contains(byte) => bytes.push(*byte),
            byte => drop(write!(bytes, "#{byte:02X}")),
        }
    }
}

fn write_string(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.push(b'(');
    for byte in text {
        match byte {
            b'(' | b')' | b'\\' => bytes.extend([b'\\', *byte]),
            // A bare carriage return would be read as a line feed.
            b'\r' => bytes.extend(b"\\r"),
            byte => bytes.push(*byte),
        }
    }
    bytes.push(b')');
}

/// `12 0 R`
pub(super) fn reference(bytes: &mut Vec<u8>, number: u32) {
    integer(bytes, number as usize);
    bytes.extend_from_slice(b" 0 R");
}

/// A whole number, in digits.
pub(super) fn integer(bytes: &mut Vec<u8>, number: usize) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number;
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    bytes.extend_from_slice(&digits[start..]);
}

/// A text, as PDF's own texts are: in ASCII, else in UTF-16 (ISO 32000-1, 7.9.2.2).
pub(super) fn text(bytes: &mut Vec<u8>, text: &str) {
    if text.is_ascii() {
        return write_string(bytes, text.as_bytes());
    }
    let utf16: Vec<u8> =
        [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    write_string(bytes, &utf16);
}
