//! Which dead letters are looked at: what stands in the query of the page, so that a view can be shared.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use maud::{Markup, html};
use operate::letters::group;
use sync_store::{DeadCause, DeadLetterFilter, Place};

use crate::PageError;
use crate::access::{Role, Viewer};
use crate::parts::{Params, address};
use crate::server::App;

/// Which dead letters are looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) place: Place,
    pub(crate) stage: Option<String>,
    pub(crate) reason: Option<String>,
    /// The id of a cause's group, as `bilag dead list --group` has it. An error would not do in an address:
    /// it may name a person.
    pub(crate) group: Option<String>,
    /// What that group's dead letters have in common.
    of_group: OfGroup,
    /// As it was written.
    pub(crate) since: Option<String>,
    pub(crate) text: Option<String>,
    /// What could not be understood, and why.
    pub(crate) problem: Option<String>,
    since_then: Option<DateTime<Utc>>,
    /// Who looks may not read errors, and must not learn by searching what stands there.
    not_in_errors: bool,
}

/// What the dead letters of the chosen group have in common.
#[derive(Clone, Debug, Default)]
enum OfGroup {
    /// None is chosen.
    #[default]
    Any,
    /// Stage, reason and cause are these.
    Of(Box<DeadCause>),
    /// There is no such group (any more).
    Nothing,
}

const HOW_SINCE: &str = "write how long ago, as in 30m, 2h or 7d, or a day, as in 2026-11-21";

impl View {
    /// Of a page's query, or of the hidden fields that repeat it.
    pub(crate) fn of(params: &Params, now: DateTime<Utc>) -> Self {
        let mut view = Self {
            stage: params.text("stage"),
            reason: params.text("reason"),
            group: params.text("group"),
            since: params.text("since"),
            text: params.text("text"),
            ..Self::default()
        };
        match params.get("place").map_or(Ok(Place::Dead), str::parse) {
            Ok(place) => view.place = place,
            Err(error) => view.problem = Some(error.to_string()),
        }
        if let Some(since) = &view.since {
            view.since_then = time(since, now);
            if view.since_then.is_none() {
                view.problem = Some(format!("“{since}” is no time: {HOW_SINCE}"));
            }
        }
        view
    }

    /// Of a page's query, with the group that it names.
    pub(crate) async fn seen(app: &App, viewer: &Viewer, params: &Params) -> Result<Self, PageError> {
        let mut view = Self::of(params, app.clock.now());
        if let Some(id) = &view.group {
            let found = group(app.store.as_ref(), id, view.place).await?;
            view.of_group = found.map_or(OfGroup::Nothing, |group| OfGroup::Of(Box::new(group)));
        }
        view.not_in_errors = !viewer.is(Role::Operator);
        Ok(view)
    }

    /// The same for an act: what was not understood must not widen what it does.
    pub(crate) async fn for_an_act(app: &App, viewer: &Viewer, params: &Params) -> Result<Self, PageError> {
        let view = Self::seen(app, viewer, params).await?;
        match view.problem {
            Some(problem) => Err(PageError::Invalid(problem)),
            None => Ok(view),
        }
    }

    /// The same view of one group's dead letters.
    pub(crate) fn of_group(&self, group: &DeadCause) -> Self {
        let of_group = OfGroup::Of(Box::new(group.clone()));
        Self { group: Some(group.id()), of_group, ..self.clone() }
    }

    /// The same view of another place.
    pub(crate) fn in_place(&self, place: Place) -> Self {
        Self { place, ..self.clone() }
    }

    /// All dead letters of the same place.
    pub(crate) fn whole_place(&self) -> Self {
        Self { place: self.place, ..Self::default() }
    }

    /// What the store is asked.
    pub(crate) fn filter(&self) -> DeadLetterFilter {
        let mut filter = DeadLetterFilter {
            place: self.place,
            stage: self.stage.clone(),
            reason: self.reason.clone(),
            since: self.since_then,
            text: self.text.clone(),
            not_in_errors: self.not_in_errors,
            ..Default::default()
        };
        let none = Some(Vec::new());
        match &self.of_group {
            OfGroup::Any => {}
            OfGroup::Nothing => filter.ids = none,
            OfGroup::Of(group) => {
                let differs =
                    |wanted: &Option<String>, is: &str| wanted.as_deref().is_some_and(|only| only != is);
                if differs(&self.stage, &group.stage) || differs(&self.reason, &group.reason) {
                    filter.ids = none;
                }
                filter.stage = Some(group.stage.clone());
                filter.reason = Some(group.reason.clone());
                filter.cause = Some(group.cause.clone());
            }
        }
        filter
    }

    /// Whether it leaves any dead letter of its place out.
    pub(crate) fn is_narrow(&self) -> bool {
        let any = [&self.stage, &self.reason, &self.group, &self.since, &self.text];
        any.into_iter().any(Option::is_some)
    }

    fn params(&self) -> [(&'static str, Option<&str>); 6] {
        let place = (self.place != Place::Dead).then(|| self.place.as_str());
        [
            ("place", place),
            ("stage", self.stage.as_deref()),
            ("reason", self.reason.as_deref()),
            ("group", self.group.as_deref()),
            ("since", self.since.as_deref()),
            ("text", self.text.as_deref()),
        ]
    }

    /// It as the audit log has it, which everybody reads: not the text, which may be somebody's name.
    pub(crate) fn in_words(&self) -> String {
        let mut words = self.place.as_str().to_owned();
        for (name, value) in self.params() {
            match value {
                Some(_) if name == "text" => words.push_str(", with a text"),
                Some(value) if name != "place" => words.push_str(&format!(", {name} {value}")),
                _ => {}
            }
        }
        words
    }

    /// The address of its page, from the dead letter after `offset` on.
    pub(crate) fn address(&self, path: &str, offset: u32) -> String {
        let offset = offset.to_string();
        let mut params = self.params().to_vec();
        params.push(("offset", (offset != "0").then_some(offset.as_str())));
        address(path, &params)
    }

    /// The fields that repeat it in a form. A time that is counted back from now is told as it is now,
    /// so that what is confirmed is what was looked at.
    pub(crate) fn hidden(&self) -> Markup {
        let since = self.since_then.map(|time| time.to_rfc3339());
        let mut params = self.params();
        params[4].1 = since.as_deref();
        html! {
            @for (name, value) in params {
                @if let Some(value) = value { input type="hidden" name=(name) value=(value); }
            }
        }
    }
}

/// A time as people write it: so long ago, a day, or the moment itself.
fn time(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return day.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    }
    let number = text.strip_suffix(['m', 'h', 'd'])?;
    let number: u32 = number.parse().ok()?;
    let minutes = match text.as_bytes().last() {
        Some(b'm') => 1,
        Some(b'h') => 60,
        _ => 24 * 60,
    };
    now.checked_sub_signed(Duration::minutes(i64::from(number) * minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(params: &[(&str, &str)]) -> View {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        View::of(&Params::of(&params.collect::<Vec<_>>()), now())
    }

    fn now() -> DateTime<Utc> {
        "2026-11-22T12:00:00Z".parse().expect("a time")
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, expected) in [
            ("30m", Some("2026-11-22T11:30:00Z")),
            ("2h", Some("2026-11-22T10:00:00Z")),
            ("7d", Some("2026-11-15T12:00:00Z")),
            ("2026-11-21", Some("2026-11-21T00:00:00Z")),
            ("2026-11-21T10:00:00+02:00", Some("2026-11-21T08:00:00Z")),
            ("yesterday", None),
            ("-2h", None),
            ("h", None),
            ("4294967295d", None),
            ("2x", None),
        ] {
            let expected = expected.map(|time| time.parse().expect("a time"));
            assert_eq!(time(text, now()), expected, "{text}");
        }
    }

    #[test]
    fn a_view_stands_in_its_address_and_comes_back_from_it() {
        let seen = view(&[("place", "discarded"), ("stage", "upload"), ("text", " a&b "), ("reason", "")]);
        assert_eq!(
            seen.address("/letters", 50),
            "/letters?place=discarded&stage=upload&text=a%26b&offset=50"
        );
        assert_eq!(view(&[]).address("/letters", 0), "/letters");
        assert!(!view(&[]).is_narrow() && view(&[("text", "x")]).is_narrow());
        assert!(seen.problem.is_none());
    }

    #[test]
    fn what_is_not_understood_is_told_and_widens_nothing() {
        for wrong in [("since", "yesterday"), ("place", "nowhere")] {
            assert!(view(&[wrong]).problem.is_some(), "{wrong:?}");
        }
        let lost = View { of_group: OfGroup::Nothing, ..view(&[("group", "0123abcd")]) };
        assert_eq!(
            lost.filter().ids,
            Some(Vec::new()),
            "a group that is gone is no dead letter, not every dead letter"
        );
    }
}
