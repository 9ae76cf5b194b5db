//! The fonts that a template brings.

use std::io;

use config::{At, TomlReader};
use toml::de::DeValue;

use crate::font::{Fonts, Weight};

/// More would be a mistake: each is kept in memory as long as the template.
const MOST_FALLBACKS: usize = 16;

/// Puts a font file in its place.
type Set<'a> = dyn FnMut(&mut Fonts, Vec<u8>) -> Result<(), String> + 'a;

/// Reads `[fonts]`; the built-in fonts stay where it names none. `read` gives a file's bytes.
pub(super) fn read_fonts(root: &TomlReader<'_, '_>, read: &dyn Fn(&str) -> io::Result<Vec<u8>>) -> Fonts {
    let mut fonts = Fonts::builtin();
    let Some(table) = root.table("fonts", "fonts") else { return fonts };
    let mut add = |file: &At<&str>, set: &mut Set<'_>| {
        let result = read(file.value)
            .map_err(|error| format!("the font `{}` cannot be read: {error}", file.value))
            .and_then(|bytes| {
                set(&mut fonts, bytes).map_err(|error| format!("the font `{}`: {error}", file.value))
            });
        if let Err(message) = result {
            table.report().add(file.line, message);
        }
    };
    for (key, weight) in [("regular", Weight::Regular), ("bold", Weight::Bold)] {
        if let Some(file) = table.text(key) {
            add(&file, &mut |fonts, bytes| fonts.set_primary(weight, bytes).map_err(|e| e.to_string()));
        }
    }
    for file in fallbacks(&table) {
        add(&file, &mut |fonts, bytes| fonts.add_fallback(bytes).map_err(|e| e.to_string()));
    }
    table.finish();
    fonts
}

fn fallbacks<'a>(table: &TomlReader<'a, '_>) -> Vec<At<&'a str>> {
    let Some(At { value, line }) = table.value("fallback") else { return Vec::new() };
    let files = match value {
        DeValue::Array(files) if files.len() <= MOST_FALLBACKS => files
            .iter()
            .map(|file| Some(At { value: file.get_ref().as_str()?, line: table.report().line(file.span()) }))
            .collect(),
        _ => None,
    };
    files
        .or_else(|| {
            table.refuse("fallback", line, "a list of at most 16 font files ([\"NotoSansArabic.ttf\"])")
        })
        .unwrap_or_default()
}
