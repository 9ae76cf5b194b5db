//! A template's own fonts, checked before any document is made with them.

use std::borrow::Cow;
use std::sync::Arc;

use ttf_parser::Permissions;

use super::{Face, FaceId, Fonts, SYMBOLS, Used, Weight, subset};

/// The largest font file, in bytes: 32 MiB.
const LARGEST: usize = 32 << 20;

/// Why a font cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FontError {
    #[error("larger than 32 MiB: cut it to the characters that receipts need")]
    TooLarge,
    #[error("a web font: convert it to .ttf or .otf")]
    Web,
    #[error("a variable font: make a .ttf or .otf of one instance of it")]
    Variable,
    #[error("not a TrueType or OpenType font with outlines")]
    NotAFont,
    #[error("lacks a map from Unicode to its glyphs: use a Unicode font")]
    NoCharacters,
    #[error(
        "its license forbids embedding (fsType in its OS/2 table): use a font that may be embedded and subset"
    )]
    Forbidden,
}

impl Fonts {
    /// Sets the text of a weight in another font; what that lacks is printed in Noto Sans.
    pub(crate) fn set_primary(&mut self, weight: Weight, bytes: Vec<u8>) -> Result<(), FontError> {
        let id = self.add(bytes)?;
        self.order[weight as usize].insert(0, id);
        Ok(())
    }

    /// Adds a font for characters that the text's own lacks, after those that were added before.
    pub(crate) fn add_fallback(&mut self, bytes: Vec<u8>) -> Result<(), FontError> {
        let id = self.add(bytes)?;
        for order in &mut self.order {
            // The built-in symbols come last: a font that was chosen goes before them.
            let end = order.iter().position(|id| *id == SYMBOLS).unwrap_or(order.len());
            order.insert(end, id);
        }
        Ok(())
    }

    /// Of a collection, the first.
    fn add(&mut self, bytes: Vec<u8>) -> Result<FaceId, FontError> {
        let id = FaceId(self.faces.len() as u8);
        self.faces.push(Arc::new(Face::from_file(id, bytes)?));
        Ok(id)
    }
}

impl Face {
    fn from_file(id: FaceId, bytes: Vec<u8>) -> Result<Self, FontError> {
        if bytes.len() > LARGEST {
            return Err(FontError::TooLarge);
        }
        if matches!(bytes.get(..4), Some(b"wOFF" | b"wOF2")) {
            return Err(FontError::Web);
        }
        let parsed = ttf_parser::Face::parse(&bytes, 0).map_err(|_| FontError::NotAFont)?;
        if parsed.is_variable() {
            return Err(FontError::Variable);
        }
        let tables = parsed.tables();
        if tables.glyf.is_none() && tables.cff.is_none() {
            return Err(FontError::NotAFont);
        }
        let forbids = |os2: ttf_parser::os2::Table<'_>| {
            os2.permissions() == Some(Permissions::Restricted)
                || !os2.is_subsetting_allowed()
                || !os2.is_outline_embedding_allowed()
        };
        if tables.os2.is_some_and(forbids) {
            return Err(FontError::Forbidden);
        }
        let own_name = parsed.names().into_iter().find_map(|name| {
            (name.name_id == ttf_parser::name_id::POST_SCRIPT_NAME).then(|| name.to_string()).flatten()
        });
        // What a name in a PDF takes without escapes.
        let own_name: String = own_name
            .unwrap_or_default()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .take(63)
            .collect();
        let own_name = if own_name.is_empty() { "Font" } else { &own_name };
        // The tag of a subset is six capitals, and another for each font of a document.
        let tag: String = [id.0 / 26, id.0 % 26].map(|digit| char::from(b'A' + digit % 26)).iter().collect();
        let face =
            Self::read(format!("BILA{tag}+{own_name}"), Cow::Owned(bytes)).ok_or(FontError::NotAFont)?;
        // A cut that fails here would fail for every receipt.
        let mut used = Used::default();
        used.insert(face.any_character().ok_or(FontError::NoCharacters)?);
        subset(&face, used).map_err(|_| FontError::NotAFont)?;
        Ok(face)
    }
}
