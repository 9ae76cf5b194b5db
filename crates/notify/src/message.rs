//! What is told, and the forms in which webhooks take it.

use chrono::{DateTime, SecondsFormat, Utc};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A message. Holds counts, times and names of the chain's own: no personal data, no error texts, no secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What it is about: `dead`, `pause`, `file`, `summary`, `test`.
    pub kind: String,
    /// What happened, in one line.
    pub title: String,
    /// Facts, in this order.
    pub facts: Vec<Fact>,
    /// The command to run next.
    pub command: String,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// How the body of a webhook is formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Incoming webhooks of Slack, and of those that take the same
    Slack,
    /// Workflows of Microsoft Teams: an Adaptive Card
    Teams,
    /// The message's members as JSON
    Json,
}

impl Message {
    /// A message without facts.
    pub fn new(kind: &str, title: impl Into<String>, command: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), title: title.into(), facts: Vec::new(), command: command.into() }
    }

    /// With one more fact.
    pub fn fact(mut self, name: &str, value: impl ToString) -> Self {
        self.facts.push(Fact { name: name.to_owned(), value: value.to_string() });
        self
    }

    /// The body of a webhook, as JSON. `link` leads to the console; `id` is the same at a repeat.
    pub fn body(&self, form: Form, id: &str, noted_at: DateTime<Utc>, link: Option<&str>) -> String {
        let body = match form {
            Form::Slack => self.slack(link),
            Form::Teams => self.teams(link),
            Form::Json => self.json(id, noted_at, link),
        };
        body.to_string()
    }

    /// The text of an e-mail.
    pub(crate) fn text(&self, link: Option<&str>) -> String {
        let mut lines = vec![self.title.clone(), String::new()];
        lines.extend(self.facts.iter().map(|Fact { name, value }| format!("{name}: {value}")));
        lines.extend([String::new(), format!("Next: {}", self.command)]);
        lines.extend(link.map(|link| format!("Console: {link}")));
        lines.join("\n") + "\n"
    }

    fn slack(&self, link: Option<&str>) -> Value {
        let mut lines = vec![format!("*{}*", escape(&self.title))];
        lines.extend(self.facts.iter().map(|Fact { name, value }| format!("{name}: {}", escape(value))));
        lines.push(format!("Next: `{}`", escape(&self.command)));
        lines.extend(link.map(|link| format!("<{}|Console>", escape(link))));
        json!({ "text": lines.join("\n") })
    }

    fn teams(&self, link: Option<&str>) -> Value {
        let facts: Vec<_> =
            self.facts.iter().map(|Fact { name, value }| json!({ "title": name, "value": value })).collect();
        let text = |text: &str, more: Value| {
            let mut block = json!({ "type": "TextBlock", "text": text, "wrap": true });
            if let (Some(block), Value::Object(more)) = (block.as_object_mut(), more) {
                block.extend(more);
            }
            block
        };
        let mut card = json!({
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [
                text(&self.title, json!({ "weight": "Bolder", "size": "Medium" })),
                { "type": "FactSet", "facts": facts },
                text(&self.command, json!({ "fontType": "Monospace" })),
            ],
        });
        if let Some(link) = link {
            card["actions"] = json!([{ "type": "Action.OpenUrl", "title": "Console", "url": link }]);
        }
        json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": card,
            }],
        })
    }

    fn json(&self, id: &str, noted_at: DateTime<Utc>, link: Option<&str>) -> Value {
        let facts: Map<_, _> =
            self.facts.iter().map(|Fact { name, value }| (name.clone(), value.clone().into())).collect();
        json!({
            "id": id,
            "kind": self.kind,
            "notedAt": noted_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            "title": self.title,
            "facts": facts,
            "command": self.command,
            "console": link,
        })
    }
}

/// As Slack asks: these three, and no others.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(form: Form, link: Option<&str>) -> Value {
        let message = Message::new("pause", "A & B <!channel> pause", "bilag stages").fact("Since", "1 > 0");
        let noted_at = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        serde_json::from_str(&message.body(form, "n-1", noted_at, link)).expect("JSON")
    }

    #[test]
    fn slack_gets_escaped_text() {
        let text = "*A &amp; B &lt;!channel&gt; pause*\nSince: 1 &gt; 0\nNext: `bilag stages`";
        assert_eq!(body(Form::Slack, None), json!({ "text": text }));
        let link = Some("https://bilag.example");
        let linked = format!("{text}\n<https://bilag.example|Console>");
        assert_eq!(body(Form::Slack, link), json!({ "text": linked }));
    }

    #[test]
    fn teams_gets_an_adaptive_card() {
        let body = body(Form::Teams, Some("https://bilag.example"));
        assert_eq!(body["type"], "message");
        let attachment = &body["attachments"][0];
        assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
        let card = &attachment["content"];
        assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
        assert_eq!(card["body"][0]["text"], "A & B <!channel> pause");
        assert_eq!(card["body"][1]["facts"], json!([{ "title": "Since", "value": "1 > 0" }]));
        assert_eq!(card["body"][2]["text"], "bilag stages");
        assert_eq!(card["actions"][0]["url"], "https://bilag.example");
    }

    #[test]
    fn email_is_plain_text() {
        let message = Message::new("pause", "A & B pause", "bilag stages").fact("Since", "1 > 0");
        assert_eq!(message.text(None), "A & B pause\n\nSince: 1 > 0\n\nNext: bilag stages\n");
        let linked = message.text(Some("https://bilag.example"));
        assert!(linked.ends_with("Next: bilag stages\nConsole: https://bilag.example\n"), "{linked}");
    }

    #[test]
    fn json_has_the_members() {
        let expected = json!({
            "id": "n-1", "kind": "pause", "notedAt": "2026-09-21T14:13:20Z", "title": "A & B <!channel> pause",
            "facts": { "Since": "1 > 0" }, "command": "bilag stages", "console": null,
        });
        assert_eq!(body(Form::Json, None), expected);
    }
}
