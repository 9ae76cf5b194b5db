//! Patterns of routing keys, as topic exchanges have them: `*` is one word, `#` any number.

/// A pattern of routing keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<String>);

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.split('.').map(str::to_owned).collect())
    }

    pub(crate) fn matches(&self, key: &str) -> bool {
        let words: Vec<&str> = key.split('.').collect();
        // Which of the words so far can be behind: one pass over the key for each word of the pattern.
        let mut reached = vec![false; words.len() + 1];
        reached[0] = true;
        for pattern in &self.0 {
            let mut next = vec![false; words.len() + 1];
            for at in 0..=words.len() {
                next[at] = match pattern.as_str() {
                    "#" => reached[at] || (at > 0 && next[at - 1]),
                    "*" => at > 0 && reached[at - 1],
                    word => at > 0 && reached[at - 1] && words[at - 1] == word,
                };
            }
            reached = next;
        }
        reached[words.len()]
    }
}

impl Pattern {
    /// Whether one of two patterns contains the other. Others may overlap too, as `a.*` and `*.b` do.
    pub(crate) fn overlaps(&self, other: &str) -> bool {
        self.matches(other) || Self::new(other).matches(&self.0.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_topic_exchanges_do() {
        for (pattern, key, expected) in [
            ("shop.order.paid", "shop.order.paid", true),
            ("shop.order.paid", "shop.order", false),
            ("shop.*.paid", "shop.order.paid", true),
            ("shop.*.paid", "shop.paid", false),
            ("shop.#", "shop", true),
            ("shop.#", "shop.order.paid", true),
            ("#", "anything.at.all", true),
            ("#.paid", "shop.order.paid", true),
            ("#.paid.#", "paid", true),
            ("#.*.paid", "paid", false),
            ("#.#", "a", true),
            ("Shop.#", "shop.order", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(key), expected, "{pattern} {key}");
        }
    }

    #[test]
    fn overlaps_what_contains_it() {
        for (pattern, other, expected) in [
            ("shop.*.paid", "shop.#", true),
            ("shop.#", "shop.*.paid", true),
            ("shop.order.paid", "shop.order.paid", true),
            ("shop.order.paid", "receipt.settled.v1", false),
            ("shop.*", "shop.order.paid", false),
        ] {
            assert_eq!(Pattern::new(pattern).overlaps(other), expected, "{pattern} {other}");
        }
    }
}
