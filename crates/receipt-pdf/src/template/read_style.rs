//! Lengths, colours, alignment and text styles.

use config::{At, TomlReader};
use toml::de::DeValue;

use super::model::{Align, Style, Width};
use crate::font::Weight;
use crate::layout::Color;

/// What a style starts from where the template says nothing.
pub(super) const PLAIN: Style =
    Style { weight: Weight::Regular, size: 9.0, color: Color::BLACK, align: Align::Left, line_height: 1.4 };

const LENGTH: &str = "a length with its unit: \"18mm\", \"1.5cm\", \"12pt\" or \"0.5in\"";

/// A length as a mistake says it.
pub(super) fn millimetres(points: f32) -> String {
    format!("{:.1} mm", points * 25.4 / 72.0)
}

/// Lengths, colours and styles of a template.
pub(super) trait ReadStyle {
    /// A length in points.
    fn length(&self, key: &'static str) -> Option<f32>;
    /// One length for all sides, or four: top, right, bottom, left.
    fn sides(&self, key: &'static str) -> Option<[f32; 4]>;
    fn width(&self, key: &'static str) -> Option<Width>;
    fn align(&self, key: &'static str) -> Option<Align>;
    fn color(&self, key: &'static str) -> Option<Color>;
    /// `size`, `bold`, `color`, `align`, over a style to start from.
    fn style(&self, from: Style) -> Style;
    /// A font size.
    fn size(&self, key: &'static str) -> Option<f32>;
}

impl ReadStyle for TomlReader<'_, '_> {
    fn length(&self, key: &'static str) -> Option<f32> {
        let At { value, line } = self.value(key)?;
        match value {
            DeValue::String(text) => length(text).or_else(|| self.refuse(key, line, LENGTH)),
            _ => self.refuse(key, line, LENGTH),
        }
    }

    fn sides(&self, key: &'static str) -> Option<[f32; 4]> {
        let At { value, line } = self.value(key)?;
        let sides = match value {
            DeValue::String(text) => length(text).map(|length| [length; 4]),
            DeValue::Array(sides) => {
                let sides: Option<Vec<f32>> =
                    sides.iter().map(|side| side.get_ref().as_str().and_then(length)).collect();
                sides.and_then(|sides| sides.try_into().ok())
            }
            _ => None,
        };
        let wanted = "one length (\"18mm\") or four: top, right, bottom, left ([\"18mm\", \"16mm\", \"18mm\", \"16mm\"])";
        sides.or_else(|| self.refuse(key, line, wanted))
    }

    fn width(&self, key: &'static str) -> Option<Width> {
        let text = self.text(key)?;
        let width = match text.value {
            "auto" => Some(Width::Content),
            "*" => Some(Width::Share(1.0)),
            other => match other.strip_suffix('*').and_then(|share| share.parse::<f32>().ok()) {
                Some(share) if share > 0.0 && share <= 100.0 => Some(Width::Share(share)),
                _ => length(other).map(Width::Fixed),
            },
        };
        let wanted = "\"auto\" (as its widest cell), \"*\" or \"2*\" (a share of the rest), or a length such as \"20mm\"";
        width.or_else(|| self.refuse(key, text.line, wanted))
    }

    fn align(&self, key: &'static str) -> Option<Align> {
        let text = self.text(key)?;
        match text.value {
            "left" => Some(Align::Left),
            "center" => Some(Align::Center),
            "right" => Some(Align::Right),
            _ => self.refuse(key, text.line, "\"left\", \"center\" or \"right\""),
        }
    }

    fn color(&self, key: &'static str) -> Option<Color> {
        let text = self.text(key)?;
        let digits = text.value.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii());
        let channel = |i: usize| digits.and_then(|digits| u8::from_str_radix(&digits[i..i + 2], 16).ok());
        match (channel(0), channel(2), channel(4)) {
            (Some(red), Some(green), Some(blue)) => Some(Color([red, green, blue])),
            _ => self.refuse(key, text.line, "a colour such as \"#1a2b3c\""),
        }
    }

    fn style(&self, from: Style) -> Style {
        let weight = self.flag("bold").map(|bold| if bold { Weight::Bold } else { Weight::Regular });
        Style {
            weight: weight.unwrap_or(from.weight),
            size: self.size("size").unwrap_or(from.size),
            color: self.color("color").unwrap_or(from.color),
            align: self.align("align").unwrap_or(from.align),
            ..from
        }
    }

    fn size(&self, key: &'static str) -> Option<f32> {
        let size = self.length(key)?;
        if (4.0..=72.0).contains(&size) {
            return Some(size);
        }
        self.refuse(key, self.line_of(key), "a font size from \"4pt\" to \"72pt\"")
    }
}

/// A length in points; `None` where it is no number with a known unit, or beyond what a page can be.
pub(super) fn length(text: &str) -> Option<f32> {
    let text = text.trim();
    let units = [("mm", 72.0 / 25.4), ("cm", 72.0 / 2.54), ("pt", 1.0), ("in", 72.0)];
    let (number, points) =
        units.into_iter().find_map(|(unit, points)| Some((text.strip_suffix(unit)?, points)))?;
    let number: f32 = number.trim().parse().ok()?;
    Some(number * points).filter(|length| (0.0..=14_400.0).contains(length))
}
