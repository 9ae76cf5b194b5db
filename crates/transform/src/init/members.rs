//! Members that are found by their names and the form of their values: identities, numbers, times, currency, texts.

use serde_json::Value;

use super::names::{is_identity, name};
use super::table::{Column, Table};
use super::words::{Word, fits};

/// Why a member is taken for what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Amounts of all samples agree.
    AddsUp(String),
    /// The values of all samples have the form, and the name fits.
    Form(String),
    /// The name fits, and nothing else was there to tell.
    Name,
    /// Not in the event, or chosen for want of better.
    Assumed(String),
}

/// A member, and why it is taken.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) column: usize,
    pub(super) evidence: Evidence,
}

fn best(table: &Table, score: impl Fn(&Column, &str) -> i32) -> Option<usize> {
    let scored = table.columns.iter().enumerate().filter(|(_, column)| column.whole && !column.is_sum());
    let scored =
        scored.map(|(i, column)| (score(column, &name(column)), i, column)).filter(|(score, ..)| *score > 0);
    scored
        .max_by_key(|(score, i, column)| (*score, usize::MAX - column.path.0.len(), usize::MAX - i))
        .map(|(_, i, _)| i)
}

fn last(column: &Column) -> String {
    column.path.last().to_owned()
}

/// Other things than the receipt that have identities.
fn is_of_another(name: &str) -> bool {
    let others = [Word::Store, Word::Article, Word::Payment, Word::Other, Word::Kind];
    others.into_iter().any(|word| fits(name, word) > 0)
}

/// Whether each sample has another value.
fn is_unique(column: &Column) -> bool {
    let values: Vec<String> = column.cells.iter().flatten().flatten().map(Value::to_string).collect();
    let distinct: std::collections::BTreeSet<&String> = values.iter().collect();
    distinct.len() == values.len()
}

fn is_scalar(column: &Column) -> bool {
    column.cells.iter().flatten().flatten().all(|cell| cell.is_string() || cell.is_number())
}

/// What identifies the receipt.
pub(super) fn uid(event: &Table) -> Option<Found> {
    let column = best(event, |column, whole| {
        let last = last(column);
        if fits(&last, Word::Identity) < 2 || is_of_another(&last) || !is_scalar(column) || !is_unique(column)
        {
            return 0;
        }
        let order = 3 * fits(whole, Word::Order).min(1) * i32::from(fits(&last, Word::Order) > 0);
        let proper = if words_of(&last) == 1 || fits(&last, Word::Voucher) > 0 { 8 } else { 2 };
        let global = i32::from(["uuid", "guid", "uid"].iter().any(|word| last.to_lowercase().contains(word)));
        proper + global + fits(&last, Word::Voucher) - order - 2 * (column.path.0.len() as i32 - 1)
    })?;
    Some(Found { column, evidence: Evidence::Name })
}

fn words_of(name: &str) -> usize {
    let mut before = ' ';
    let starts = name.chars().filter(|&c| {
        let starts = c.is_alphanumeric()
            && (!before.is_alphanumeric() || (c.is_uppercase() && !before.is_uppercase()));
        before = c;
        starts
    });
    starts.count()
}

/// The number that customers know.
pub(super) fn voucher(event: &Table) -> Option<Found> {
    let column = best(event, |column, _| {
        let last = last(column);
        let amount = fits(&last, Word::Total) + fits(&last, Word::Price) + fits(&last, Word::Vat);
        if amount > 0
            || is_of_another(&last)
            || !is_scalar(column)
            || !is_unique(column)
            || time(column).is_some()
        {
            return 0;
        }
        let (voucher, number) = (fits(&last, Word::Voucher), fits(&last, Word::Number));
        let order = fits(&last, Word::Order).min(1);
        let identity = fits(&last, Word::Identity);
        let named = i32::from(last.to_lowercase() == "name" || fits(&last, Word::Reference) > 0);
        3 * voucher + 3 * number + order * number + 2 * named * (1 - identity.min(1))
            - 3 * identity
            - 2 * (column.path.0.len() as i32 - 1)
    })?;
    Some(Found { column, evidence: Evidence::Name })
}

/// The number of the order, where it has one of its own.
pub(super) fn order(event: &Table) -> Option<Found> {
    let column = best(event, |column, whole| {
        let last = last(column);
        let number = fits(&last, Word::Number) + fits(&last, Word::Identity);
        if !is_scalar(column) || fits(&last, Word::Order) == 0 || number == 0 || time(column).is_some() {
            return 0;
        }
        2 * number + fits(whole, Word::Order)
    })?;
    Some(Found { column, evidence: Evidence::Name })
}

/// The store.
pub(super) fn store(event: &Table) -> Option<Found> {
    let column = best(event, |column, whole| {
        if !is_scalar(column) || fits(whole, Word::Store) == 0 || time(column).is_some() {
            return 0;
        }
        let last = last(column);
        let identity = fits(&last, Word::Identity) + fits(&last, Word::Number);
        2 * fits(whole, Word::Store) + 2 * identity
            - fits(&last, Word::Name)
            - 3 * fits(whole, Word::Other).min(1)
    })?;
    Some(Found { column, evidence: Evidence::Name })
}

/// ISO 4217, in capitals or not. By the value alone where only one member has three capitals.
pub(super) fn currency(event: &Table) -> Option<Found> {
    let all = |column: &Column, code: fn(char) -> bool| {
        let code = |text: &str| text.len() == 3 && text.chars().all(code);
        !column.is_empty()
            && column.cells.iter().flatten().flatten().all(|cell| cell.as_str().is_some_and(code))
    };
    let named = best(event, |column, whole| {
        let codes = all(column, |c| c.is_ascii_alphabetic());
        let of_total = fits(whole, Word::Total)
            - fits(whole, Word::Discount)
            - fits(whole, Word::Vat)
            - fits(whole, Word::Other);
        if codes && fits(whole, Word::Currency) > 0 {
            20 - 2 * column.path.0.len() as i32 + of_total
        } else {
            0
        }
    });
    if let Some(column) = named {
        let code = event.columns[column].texts().next().unwrap_or_default().to_owned();
        return Some(Found { column, evidence: Evidence::Form(code) });
    }
    let capitals = event
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.whole && all(column, |c| c.is_ascii_uppercase()));
    let [(column, _)] = capitals.collect::<Vec<_>>()[..] else { return None };
    Some(Found { column, evidence: Evidence::Assumed("three capitals, and no name says so".to_owned()) })
}

/// How a column writes times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    Offset,
    /// Without an offset: of a zone that the event does not say.
    Local,
    /// `02.11.2026 10:15`, with or without seconds.
    Points {
        seconds: bool,
    },
    /// Seconds or milliseconds since 1970.
    Epoch,
}

/// The form of its times, if all of them are.
pub(super) fn time(column: &Column) -> Option<Time> {
    let of = |value: &Value| match value {
        Value::String(text) => time_of(text),
        Value::Number(number) => {
            let timely = fits(column.path.last(), Word::Time) + fits(column.path.last(), Word::Created) > 0;
            let seconds = number.as_i64().filter(|_| timely)?;
            // From 2001 on, in seconds or in milliseconds.
            [1_000_000_000..10_000_000_000, 1_000_000_000_000..10_000_000_000_000]
                .iter()
                .any(|range| range.contains(&seconds))
                .then_some(Time::Epoch)
        }
        _ => None,
    };
    let mut times = column.cells.iter().flatten().flatten().map(of);
    let first = times.next()??;
    times.all(|time| time == Some(first)).then_some(first)
}

/// `2026-11-02T09:15:42+01:00`, with a space for the T, with or without seconds, fractions and offset.
fn time_of(text: &str) -> Option<Time> {
    let bytes = text.as_bytes();
    let shape = |at: usize, shape: &[u8]| {
        let part = bytes.get(at..at + shape.len());
        part.is_some_and(|part| {
            part.iter()
                .zip(shape)
                .all(|(byte, &of)| if of == b'0' { byte.is_ascii_digit() } else { *byte == of })
        })
    };
    if shape(0, b"00.00.0000 00:00") && matches!(bytes.len(), 16 | 19) {
        return Some(Time::Points { seconds: shape(16, b":00") });
    }
    if !shape(0, b"0000-00-00") || !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) || !shape(11, b"00:00")
    {
        return None;
    }
    let mut rest = &text[16..];
    if shape(16, b":00") {
        rest = rest[3..].trim_start_matches('.').trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let offset = rest.trim_start();
    if offset.is_empty() {
        return Some(Time::Local);
    }
    let zulu = offset.eq_ignore_ascii_case("z");
    (zulu || (offset.starts_with(['+', '-']) && offset.len() >= 5)).then_some(Time::Offset)
}

/// When the receipt was made, and when it was paid; the same where only one time is there.
pub(super) fn times(event: &Table) -> Option<(Found, Found)> {
    let find = |word: Word| {
        best(event, |column, whole| {
            let changed =
                ["updat", "modif", "endret", "andrad", "geandert", "print", "due", "deliver", "birth"];
            let last = last(column).to_lowercase();
            if time(column).is_none() || changed.iter().any(|word| last.contains(word)) {
                return 0;
            }
            let with_offset = i32::from(
                time(column) != Some(Time::Local) || ["gmt", "utc"].iter().any(|word| last.contains(word)),
            );
            let own = 4 * fits(&last, word);
            let opposite = [Word::Created, Word::Settled].into_iter().filter(|other| *other != word);
            let opposite: i32 = opposite.map(|other| fits(&last, other)).sum();
            9 + own - opposite + with_offset + fits(whole, Word::Time).min(1)
                - 2 * (column.path.0.len() as i32 - 1)
        })
    };
    let found = |column: usize, word: Word| {
        let named = fits(event.columns[column].path.last(), word) > 0;
        let evidence = if named {
            Evidence::Form("a time".to_owned())
        } else {
            Evidence::Assumed("a time that fits none better".to_owned())
        };
        Found { column, evidence }
    };
    Some((found(find(Word::Created)?, Word::Created), found(find(Word::Settled)?, Word::Settled)))
}

/// What identifies a row.
pub(super) fn row_uid(table: &Table) -> Option<Found> {
    let column = best(table, |column, _| {
        let last = last(column);
        let identity = fits(&last, Word::Identity);
        let proper = words_of(&last) == 1 || fits(&last, Word::Line) > 0;
        if identity < 2 || !proper || !is_scalar(column) || column.path.0.len() > 1 || !is_unique(column) {
            return 0;
        }
        2 + i32::from(["uuid", "guid", "uid"].contains(&&*last.to_lowercase()))
    })?;
    Some(Found { column, evidence: Evidence::Name })
}

/// An article's number.
pub(super) fn sku(table: &Table) -> Option<Found> {
    let column = best(table, |column, _| {
        let last = last(column);
        let amount = fits(&last, Word::Total)
            + fits(&last, Word::Price)
            + fits(&last, Word::Vat)
            + fits(&last, Word::Discount);
        if !is_scalar(column) || amount > 0 || fits(&last, Word::Article) == 0 || time(column).is_some() {
            return 0;
        }
        let known = [
            "sku",
            "articlenumber",
            "articleno",
            "varenr",
            "varenummer",
            "artikkelnummer",
            "artikelnummer",
            "artikelnr",
            "artnr",
            "plu",
        ];
        let folded: String = last.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        4 * i32::from(known.iter().any(|word| folded.contains(word)))
            + fits(&last, Word::Article)
            + fits(&last, Word::Number)
            + fits(&last, Word::Identity).min(1)
            - 2 * fits(&last, Word::Name)
            - 2 * fits(&last, Word::Kind)
            - (column.path.0.len() as i32 - 1)
    })?;
    Some(Found { column, evidence: Evidence::Name })
}

/// What a row is called.
pub(super) fn row_name(table: &Table) -> Option<Found> {
    let column = best(table, |column, whole| {
        let last = last(column);
        let texts = column.cells.iter().flatten().flatten().all(Value::is_string);
        let pair = matches!(column.path.0.last(), Some(super::table::Step::At(1)));
        if !texts || column.numbers.is_some() || time(column).is_some() || is_identity(&last) && !pair {
            return 0;
        }
        let named = fits(&last, Word::Name);
        let product = fits(whole, Word::Article) + fits(whole, Word::Payment) + fits(whole, Word::Kind);
        3 * named + product.min(2) + 2 * i32::from(pair)
            - 2 * fits(&last, Word::Vat)
            - (column.path.0.len() as i32 - 1)
            - 2 * fits(&last, Word::State)
    })?;
    Some(Found { column, evidence: Evidence::Name })
}

/// What a payment was made with.
pub(super) fn row_kind(table: &Table) -> Option<Found> {
    let column = best(table, |column, whole| {
        let last = last(column);
        let texts = !column.is_empty() && column.cells.iter().flatten().flatten().all(Value::is_string);
        let pair = matches!(column.path.0.last(), Some(super::table::Step::At(1)));
        if !texts || column.numbers.is_some() || time(column).is_some() || (is_identity(&last) && !pair) {
            return 0;
        }
        4 * fits(&last, Word::Kind)
            + 2 * fits(whole, Word::Kind).min(1)
            + 2 * fits(&last, Word::Name)
            + 2 * fits(&last, Word::Payment)
            + 2 * i32::from(pair)
            - 4 * fits(&last, Word::State)
            - 4 * i32::from(fits(&last, Word::Reference) == 2)
            - 3 * fits(whole, Word::Currency)
            - (column.path.0.len() as i32 - 1)
    })?;
    Some(Found { column, evidence: Evidence::Name })
}

/// What the whole event was paid with.
pub(super) fn row_kind_of_event(event: &Table) -> Option<Found> {
    let column = best(event, |column, whole| {
        let last = last(column);
        let texts = !column.is_empty() && column.cells.iter().flatten().flatten().all(Value::is_string);
        if !texts || column.numbers.is_some() || time(column).is_some() || fits(whole, Word::Payment) == 0 {
            return 0;
        }
        2 * fits(whole, Word::Payment) + fits(&last, Word::Kind) + fits(&last, Word::Name)
            - 4 * fits(&last, Word::State)
            - 4 * fits(&last, Word::Reference).min(1)
            - 4 * fits(&last, Word::Identity)
            - 4 * fits(&last, Word::Currency)
    })?;
    Some(Found { column, evidence: Evidence::Name })
}

/// When a row was, if it says so.
pub(super) fn row_time(table: &Table) -> Option<Found> {
    let column = best(table, |column, _| i32::from(time(column).is_some()))?;
    Some(Found { column, evidence: Evidence::Form("a time".to_owned()) })
}
