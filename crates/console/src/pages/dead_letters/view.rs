//! Which dead letters a page shows: the filters in its query, so that a view can be shared.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use operate::Stage;
use operate::dead_letters::{DeadLetterService, SINCE_FORMAT, since};
use sync_store::{DeadCause, DeadLetter, DeadLetterFilter, DeadLetterInFull, Place};

use crate::auth::user::Role;
use crate::auth::viewer::Viewer;
use crate::components::{Params, address, package_path, receipt_path};
use crate::error::PageError;

/// Filters of dead letters.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) place: Place,
    pub(crate) stage: Option<String>,
    pub(crate) reason: Option<String>,
    /// Id of a group, as in `bilag dead list --group`: an error in a URL might be personal data.
    pub(crate) group: Option<String>,
    of_group: OfGroup,
    /// As entered.
    pub(crate) since: Option<String>,
    pub(crate) text: Option<String>,
    /// Why the query is invalid.
    pub(crate) problem: Option<String>,
    since_then: Option<DateTime<Utc>>,
    /// Viewers must not learn by searching what is redacted for them.
    not_in_errors: bool,
}

/// The selected group.
#[derive(Clone, Debug, Default)]
enum OfGroup {
    /// None.
    #[default]
    Any,
    Of(Box<DeadCause>),
    /// It has no dead letters any more.
    Nothing,
}

impl View {
    /// Parses a query, or the hidden fields that repeat it.
    fn of(params: &Params, now: DateTime<Utc>) -> Self {
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
        if let Some(entered) = &view.since {
            view.since_then = since(entered, now);
            if view.since_then.is_none() {
                view.problem = Some(format!("“{entered}” is not a time: expected {SINCE_FORMAT}"));
            }
        }
        view
    }

    /// A mistyped stage or reason would match nothing, as if all were well.
    fn check_names(&mut self, stages: &[Stage]) {
        if let Some(stage) =
            self.stage.as_deref().filter(|name| stages.iter().all(|stage| stage.name != *name))
        {
            self.problem = Some(format!("there is no stage “{stage}”"));
        }
        let unknown = |name: &&str| operate::reasons(stages).iter().all(|reason| reason.as_str() != *name);
        if let Some(reason) = self.reason.as_deref().filter(unknown) {
            self.problem = Some(format!("there is no reason “{reason}”"));
        }
    }

    /// Of a page's query, with its group.
    pub(crate) async fn load(
        service: &DeadLetterService,
        now: DateTime<Utc>,
        viewer: &Viewer,
        params: &Params,
    ) -> Result<Self, PageError> {
        let mut view = Self::of(params, now);
        view.check_names(&service.stages);
        if let Some(id) = &view.group {
            let found = service.group(id, view.place).await?;
            view.of_group = found.map_or(OfGroup::Nothing, |group| OfGroup::Of(Box::new(group)));
        }
        view.not_in_errors = !viewer.is(Role::Operator);
        Ok(view)
    }

    /// Of an action, which must not be widened by an invalid filter.
    pub(crate) async fn for_action(
        service: &DeadLetterService,
        now: DateTime<Utc>,
        viewer: &Viewer,
        params: &Params,
    ) -> Result<Self, PageError> {
        let view = Self::load(service, now, viewer, params).await?;
        match view.problem {
            Some(problem) => Err(PageError::Invalid(problem)),
            None => Ok(view),
        }
    }

    /// Narrowed to one group.
    pub(crate) fn of_group(&self, group: &DeadCause) -> Self {
        let of_group = OfGroup::Of(Box::new(group.clone()));
        Self { group: Some(group.id()), of_group, ..self.clone() }
    }

    pub(crate) fn in_place(&self, place: Place) -> Self {
        Self { place, ..self.clone() }
    }

    /// Without filters.
    pub(crate) fn whole_place(&self) -> Self {
        Self { place: self.place, ..Self::default() }
    }

    /// For the store.
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

    /// Whether it has any filter.
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

    /// For the audit log, without the text, which may be personal data.
    pub(crate) fn describe(&self) -> String {
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

    /// Address of a page with these filters.
    pub(crate) fn address(&self, path: &str, offset: u32) -> String {
        let offset = offset.to_string();
        let mut params = self.params().to_vec();
        params.push(("offset", (offset != "0").then_some(offset.as_str())));
        address(path, &params)
    }

    /// Hidden fields of a form. A relative time becomes absolute, so that what is confirmed is what was shown.
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

/// # Errors
/// The index has no such dead letter.
pub(super) async fn find(service: &DeadLetterService, id: &str) -> Result<DeadLetterInFull, PageError> {
    service.store.dead_letter(id).await?.ok_or(PageError::NotFound(UNKNOWN))
}

const UNKNOWN: &str = "The index has no dead letter with this id. It may belong to another installation, or the \
                       address is incomplete; see the list of dead letters.";

/// What a dead letter is about, and the page of that, if known.
pub(super) fn subject(letter: &DeadLetter) -> Option<(String, String)> {
    match (&letter.key, &letter.package) {
        (Some(key), _) => Some((key.to_string(), receipt_path(key))),
        (None, Some(package)) => Some((format!("package {package}"), package_path(package))),
        (None, None) => None,
    }
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
    fn round_trips_through_its_address() {
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
    fn invalid_filters_are_reported_and_match_nothing() {
        for wrong in [("since", "yesterday"), ("place", "nowhere")] {
            assert!(view(&[wrong]).problem.is_some(), "{wrong:?}");
        }
        let lost = View { of_group: OfGroup::Nothing, ..view(&[("group", "0123abcd")]) };
        assert_eq!(
            lost.filter().ids,
            Some(Vec::new()),
            "an unknown group matches no dead letter, rather than all"
        );
    }
}
