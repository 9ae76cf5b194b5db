//! Which voucher numbers are missing between those that were received, and which were given twice.
//!
//! A till numbers its vouchers one after the other, so a number that is missing between two others may
//! be a receipt that was never announced. It may as well be nothing: a number that a till gave away
//! without a receipt, or two tills of a store with numbers of their own. So what is missing is listed,
//! never counted as lost.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{Hash, Hasher};

/// Collects voucher numbers.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    series: BTreeMap<(String, String, String), Collected>,
    /// By tenant and store.
    unchecked: BTreeMap<(String, String), u64>,
    /// The vouchers that were added, by a hash of tenant, store and number, and whether one was inside.
    seen: HashMap<u64, bool>,
    /// Those that were added more than once, and how often.
    again: BTreeMap<(String, String, String), u64>,
}

/// The numbers of one series.
#[derive(Debug, Default)]
struct Collected {
    inside: Vec<u64>,
    beside: Vec<u64>,
    /// How many digits numbers with leading zeros have.
    width: usize,
}

impl Numbering {
    /// Adds a voucher. `inside` is whether it is of the period itself: one from the days beside it is
    /// not missing where it fills a gap, because numbers are given before receipts are settled.
    pub(crate) fn add(&mut self, tenant: &str, store: &str, voucher: &str, inside: bool) {
        self.look_for_another(tenant, store, voucher, inside);
        let digits = voucher.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (prefix, digits) = voucher.split_at(voucher.len() - digits);
        let Ok(number) = digits.parse::<u64>() else {
            self.leave_unchecked(tenant.to_owned(), store.to_owned(), u64::from(inside));
            return;
        };
        let key = (tenant.to_owned(), store.to_owned(), prefix.to_owned());
        let collected = self.series.entry(key).or_default();
        if digits.starts_with('0') {
            collected.width = collected.width.max(digits.len());
        }
        if inside { collected.inside.push(number) } else { collected.beside.push(number) }
    }

    fn leave_unchecked(&mut self, tenant: String, store: String, vouchers: u64) {
        if vouchers > 0 {
            *self.unchecked.entry((tenant, store)).or_default() += vouchers;
        }
    }

    /// So that a year of vouchers takes little room, only those that come again are kept as they are.
    fn look_for_another(&mut self, tenant: &str, store: &str, voucher: &str, inside: bool) {
        let mut hash = DefaultHasher::new();
        (tenant, store, voucher).hash(&mut hash);
        match self.seen.entry(hash.finish()) {
            Entry::Vacant(entry) => drop(entry.insert(inside)),
            Entry::Occupied(mut entry) => {
                *entry.get_mut() |= inside;
                let key = (tenant.to_owned(), store.to_owned(), voucher.to_owned());
                *self.again.entry(key).or_insert(1) += 1;
            }
        }
    }

    fn repeated(&mut self) -> Vec<Repeated> {
        let seen = std::mem::take(&mut self.seen);
        let is_inside = |(tenant, store, voucher): &(String, String, String)| {
            let mut hash = DefaultHasher::new();
            (tenant, store, voucher).hash(&mut hash);
            seen.get(&hash.finish()).copied().unwrap_or_default()
        };
        let again = std::mem::take(&mut self.again).into_iter().filter(|(key, _)| is_inside(key));
        again
            .map(|((tenant, store, voucher), receipts)| Repeated { tenant, store, voucher, receipts })
            .collect()
    }

    /// What is missing in each series, and what was given twice.
    pub(crate) fn gaps(mut self) -> Gaps {
        let repeated = self.repeated();
        let mut series = Vec::new();
        for ((tenant, store, prefix), mut collected) in std::mem::take(&mut self.series) {
            // One voucher is no series.
            if collected.inside.len() < 2 {
                self.leave_unchecked(tenant, store, collected.inside.len() as u64);
                continue;
            }
            series.push(collected.series(tenant, store, &prefix));
        }
        let unchecked = self.unchecked.into_iter();
        let unchecked =
            unchecked.map(|((tenant, store), vouchers)| Unchecked { tenant, store, vouchers }).collect();
        Gaps { series, unchecked, repeated }
    }
}

impl Collected {
    fn series(&mut self, tenant: String, store: String, prefix: &str) -> Series {
        let vouchers = self.inside.len() as u64;
        let first = self.inside.iter().copied().min().unwrap_or_default();
        let last = self.inside.iter().copied().max().unwrap_or_default();
        let mut numbers = std::mem::take(&mut self.inside);
        numbers.extend(self.beside.iter().filter(|number| (first..=last).contains(number)));
        numbers.sort_unstable();
        let width = self.width;
        let name = |number: u64| format!("{prefix}{number:0width$}");
        let gaps = numbers.windows(2).filter(|pair| pair[1] - pair[0] > 1);
        let missing = gaps.map(|pair| Missing {
            first: name(pair[0] + 1),
            last: name(pair[1] - 1),
            count: pair[1] - pair[0] - 1,
        });
        let missing = missing.collect();
        Series { tenant, store, first: name(first), last: name(last), vouchers, missing }
    }
}

/// The voucher numbers that are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// By tenant, store and what the numbers begin with.
    pub series: Vec<Series>,
    /// By tenant and store, vouchers that fit no series: without a number at their end, with one of more than 19
    /// digits, or alone with what they begin with.
    pub unchecked: Vec<Unchecked>,
    /// Voucher numbers of one store that several receipts have, one of the period among them: no till gives a
    /// number twice.
    pub repeated: Vec<Repeated>,
}

/// The vouchers of a store that fit no series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unchecked {
    /// The retailer.
    pub tenant: String,
    /// The store.
    pub store: String,
    /// How many.
    pub vouchers: u64,
}

/// A voucher number that several receipts of a store have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The retailer.
    pub tenant: String,
    /// The store.
    pub store: String,
    /// The number.
    pub voucher: String,
    /// How many receipts have it.
    pub receipts: u64,
}

impl Gaps {
    /// How many numbers are missing, in all series together.
    pub fn missing(&self) -> u64 {
        let counts = self.series.iter().flat_map(|series| &series.missing).map(|missing| missing.count);
        counts.fold(0, u64::saturating_add)
    }

    /// Whether there is nothing to say of vouchers.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.unchecked.is_empty() && self.repeated.is_empty()
    }
}

/// Vouchers of one store whose numbers begin alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The retailer.
    pub tenant: String,
    /// The store.
    pub store: String,
    /// The voucher with the lowest number.
    pub first: String,
    /// The voucher with the highest number.
    pub last: String,
    /// How many were received.
    pub vouchers: u64,
    /// What is missing between them.
    pub missing: Vec<Missing>,
}

/// Numbers in a row that are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The first of them.
    pub first: String,
    /// The last of them.
    pub last: String,
    /// How many.
    pub count: u64,
}

/// `1004–1006 (3 missing)`.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "{} (1 missing)", self.first),
            count => write!(f, "{}–{} ({count} missing)", self.first, self.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(inside: &[&str], beside: &[&str]) -> (Vec<String>, u64) {
        let mut numbering = Numbering::default();
        for (vouchers, inside) in [(inside, true), (beside, false)] {
            vouchers.iter().for_each(|voucher| numbering.add("31", "369", voucher, inside));
        }
        let gaps = numbering.gaps();
        let missing = gaps.series.iter().flat_map(|series| &series.missing).map(ToString::to_string);
        (missing.collect(), gaps.unchecked.iter().map(|of| of.vouchers).sum())
    }

    #[test]
    fn lists_missing_numbers_as_ranges() {
        let table: [(&[&str], &[&str], u64); 9] = [
            (&["1003", "1001", "1002"], &[], 0),
            (&["1003", "1007", "1009"], &["1004–1006 (3 missing)", "1008 (1 missing)"], 0),
            (&["1001", "1001"], &[], 0),
            (&["A-0008", "A-0011", "B-7"], &["A-0009–A-0010 (2 missing)"], 1),
            (&["9", "11"], &["10 (1 missing)"], 0),
            (&["X", "Y1Z"], &[], 2),
            (&["1", "99999999999999999999"], &[], 2),
            (&["0", "18446744073709551615"], &["1–18446744073709551614 (18446744073709551614 missing)"], 0),
            (&["æ1", "æ3"], &["æ2 (1 missing)"], 0),
        ];
        for (vouchers, missing, unchecked) in table {
            let missing = missing.iter().map(ToString::to_string).collect();
            assert_eq!(gaps(vouchers, &[]), (missing, unchecked), "{vouchers:?}");
        }
    }

    #[test]
    fn vouchers_outside_the_period_fill_gaps_and_make_none() {
        let (missing, unchecked) = gaps(&["10", "14"], &["1", "12", "99", "X", "B7"]);
        assert_eq!((missing, unchecked), (vec!["11 (1 missing)".into(), "13 (1 missing)".into()], 0));
    }

    #[test]
    fn lists_repeated_numbers_with_their_count() {
        let mut numbering = Numbering::default();
        for (tenant, store, voucher, inside) in [
            ("1", "a", "1001", true),
            ("1", "b", "1001", true),
            ("2", "a", "1001", true),
            ("1", "a", "1001", true),
            ("1", "a", "1001", true),
            ("1", "a", "X", true),
            ("1", "a", "X", false),
            ("1", "a", "Y", false),
            ("1", "a", "Y", false),
            ("1", "a", "01001", true),
        ] {
            numbering.add(tenant, store, voucher, inside);
        }
        let repeated = numbering.gaps().repeated;
        let found: Vec<_> =
            repeated.iter().map(|again| (&*again.store, &*again.voucher, again.receipts)).collect();
        assert_eq!(found, [("a", "1001", 3), ("a", "X", 2)]);
    }

    #[test]
    fn each_store_has_series_of_its_own() {
        let mut numbering = Numbering::default();
        for (tenant, store, voucher) in [
            ("1", "a", "1"),
            ("1", "b", "2"),
            ("1", "a", "3"),
            ("2", "a", "2"),
            ("1", "b", "3"),
            ("2", "a", "4"),
        ] {
            numbering.add(tenant, store, voucher, true);
        }
        let gaps = numbering.gaps();
        let missing: Vec<_> = gaps.series.iter().map(|series| series.missing.len()).collect();
        assert_eq!((missing, gaps.missing()), (vec![1, 0, 1], 2));
    }
}
