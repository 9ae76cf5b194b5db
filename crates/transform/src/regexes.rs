//! Regular expressions, which take a time linear in the text: `matches`, `split_matches` and `split_`, on which
//! jaq defines `test`, `match`, `capture`, `scan`, `sub`, `gsub` and the like.

use std::cell::RefCell;
use std::collections::HashMap;

use jaq_core::native::{Filter as Named, bome, v};
use jaq_core::val::ValR;
use jaq_core::{Cv, Error, RunPtr, ValT};
use regex::{Captures, Regex, RegexBuilder};

use crate::engine::Jq;
use crate::meter::charge;
use crate::val::Val;

/// Compiled, in bytes: a pattern of a receipt's number takes a few hundred.
const MAX_SIZE: usize = 64 * 1024;

/// What a filter's patterns are few of.
const MOST_KEPT: usize = 64;

thread_local! {
    static COMPILED: RefCell<HashMap<(String, String), Regex>> = RefCell::new(HashMap::new());
}

pub(crate) fn functions() -> Vec<Named<RunPtr<Jq>>> {
    vec![
        ("matches", v(2), |cv| bome(parts(cv, false, true))),
        ("split_matches", v(2), |cv| bome(parts(cv, true, true))),
        ("split_", v(2), |cv| bome(parts(cv, true, false))),
    ]
}

/// The parts between matches, the matches, or both, in their order.
fn parts(mut cv: Cv<'_, Jq>, with_between: bool, with_matches: bool) -> ValR<Val> {
    let flags = cv.0.pop_var();
    let pattern = cv.0.pop_var();
    let (value, pattern, flags) = (cv.1, pattern.as_text()?.to_string(), flags.as_text()?.to_string());
    let text = value.as_text()?;
    let regex = compiled(&pattern, &flags)?;
    let mut parts = Vec::new();
    let mut end = 0;
    // At worst, each character is looked at for each of the pattern.
    charge((1 + text.len() as u64 / 64) * (1 + pattern.len() as u64));
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        charge(1 + regex.captures_len() as u64);
        if flags.contains('n') && whole.is_empty() {
            continue;
        }
        if with_between {
            parts.push(Val::text(&text[end..whole.start()], value.place));
            end = whole.end();
        }
        if with_matches {
            parts.push(matched(&value, text, &regex, &captures)?);
        }
        if !flags.contains('g') {
            break;
        }
    }
    if with_between {
        parts.push(Val::text(&text[end..], value.place));
    }
    Ok(Val::array(parts, value.place))
}

/// The whole match and each group of it, as jq describes them.
fn matched(value: &Val, text: &str, regex: &Regex, captures: &Captures<'_>) -> ValR<Val> {
    let groups = captures.iter().zip(regex.capture_names()).filter_map(|(found, name)| {
        let found = found?;
        // Counted from the beginning for each: texts with many matches are rare, and pay for it.
        charge(found.start() as u64 / 64);
        let member = |name: &str, value: Val| (Val::from(name.to_owned()), value);
        let members = [
            member("offset", Val::from(text[..found.start()].chars().count())),
            member("length", Val::from(found.as_str().chars().count())),
            member("string", Val::text(found.as_str(), value.place)),
        ];
        let name = name.map(|name| member("name", Val::from(name.to_owned())));
        Some(Val::from_map(members.into_iter().chain(name)))
    });
    Ok(Val::array(groups.collect::<Result<Vec<_>, _>>()?, value.place))
}

fn compiled(pattern: &str, flags: &str) -> Result<Regex, Error<Val>> {
    let key = (pattern.to_owned(), flags.to_owned());
    if let Some(regex) = COMPILED.with_borrow(|known| known.get(&key).cloned()) {
        return Ok(regex);
    }
    charge(1000 + 10 * pattern.len() as u64);
    let has = |flag| flags.contains(flag);
    if let Some(other) = flags.chars().find(|flag| !"gnimslxp".contains(*flag)) {
        return Err(Error::str(format!("a regular expression has no flag {other:?}")));
    }
    let regex = RegexBuilder::new(pattern)
        .case_insensitive(has('i'))
        .dot_matches_new_line(has('s') || has('p'))
        .multi_line(has('m') || has('p'))
        .swap_greed(has('l'))
        .ignore_whitespace(has('x'))
        .size_limit(MAX_SIZE)
        .dfa_size_limit(1 << 20)
        .build()
        .map_err(|_| Error::str("a regular expression is not one, or is too large"))?;
    COMPILED.with_borrow_mut(|known| {
        if known.len() >= MOST_KEPT {
            known.clear();
        }
        known.insert(key, regex.clone());
    });
    Ok(regex)
}
