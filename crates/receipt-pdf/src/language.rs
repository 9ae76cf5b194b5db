//! The languages receipts are printed in, and how each writes numbers and dates.

use strum::{EnumString, IntoStaticStr};

/// A language of labels, numbers and dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Language {
    /// Norwegian Bokmål.
    Nb,
    /// Swedish.
    Sv,
    /// Danish.
    Da,
    /// Finnish.
    Fi,
    /// English.
    En,
    /// Turkish.
    Tr,
}

/// How a language writes numbers and dates (Unicode CLDR, short forms).
pub(crate) struct Conventions {
    /// Between groups of three digits.
    pub(crate) group: char,
    /// Before the decimals.
    pub(crate) decimal: char,
    /// `#` stands for the number.
    pub(crate) percent: &'static str,
    /// For chrono's `format`.
    pub(crate) date: &'static str,
    /// For chrono's `format`.
    pub(crate) time: &'static str,
}

/// Digits, groups and units stay together when a line is broken.
const NO_BREAK_SPACE: char = '\u{a0}';

impl Language {
    /// All of them, in the order of [`Language::index`].
    pub const ALL: [Self; 6] = [Self::Nb, Self::Sv, Self::Da, Self::Fi, Self::En, Self::Tr];

    /// From its ISO 639-1 code, as templates write it: `nb`.
    pub fn from_code(code: &str) -> Option<Self> {
        code.parse().ok()
    }

    /// The language of a country's receipts, by ISO 3166-1 alpha-2 code; English where unknown.
    pub fn of_country(code: Option<&str>) -> Self {
        match code.map(str::to_ascii_uppercase).as_deref() {
            Some("NO") => Self::Nb,
            Some("SE") => Self::Sv,
            Some("DK") => Self::Da,
            Some("FI") => Self::Fi,
            Some("TR") => Self::Tr,
            _ => Self::En,
        }
    }

    /// ISO 639-1: `nb`. Also the PDF's language tag.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Its place in [`Language::ALL`].
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    pub(crate) fn conventions(self) -> Conventions {
        let (group, decimal, percent, date, time) = match self {
            Self::Nb => (NO_BREAK_SPACE, ',', "#\u{a0}%", "%d.%m.%Y", "%H:%M"),
            Self::Sv => (NO_BREAK_SPACE, ',', "#\u{a0}%", "%Y-%m-%d", "%H:%M"),
            Self::Da => ('.', ',', "#\u{a0}%", "%d.%m.%Y", "%H.%M"),
            Self::Fi => (NO_BREAK_SPACE, ',', "#\u{a0}%", "%-d.%-m.%Y", "%-H.%M"),
            Self::En => (',', '.', "#%", "%-d\u{a0}%b\u{a0}%Y", "%H:%M"),
            Self::Tr => ('.', ',', "%#", "%d.%m.%Y", "%H:%M"),
        };
        Conventions { group, decimal, percent, date, time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_follows_the_country_or_is_english() {
        let expected = [("NO", "nb"), ("SE", "sv"), ("DK", "da"), ("FI", "fi"), ("TR", "tr"), ("DE", "en")];
        for (country, language) in expected {
            assert_eq!(Language::of_country(Some(country)).code(), language, "{country}");
        }
        assert_eq!(Language::of_country(None), Language::En);
        assert_eq!(Language::of_country(Some("no")), Language::Nb);
    }

    #[test]
    fn finds_every_language_by_code_and_index() {
        for (index, language) in Language::ALL.into_iter().enumerate() {
            assert_eq!(Language::from_code(language.code()), Some(language));
            assert_eq!(language.index(), index);
        }
        assert_eq!(Language::from_code("no"), None);
    }
}
