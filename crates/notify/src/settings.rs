//! Whom to tell, in which form, and of what.

use amqp::Delay;
use chrono::NaiveTime;
use clap::Args;
use consumer::SettingError;

use crate::{Form, Webhook};

consumer::secret_args! {
    struct WebhookUrl("BILAG_NOTIFY_WEBHOOK_URL", "notify-webhook-url", "URL");
    help: "URL of a webhook that is notified, secret included; prefer the variable to the flag [default: off]";
    file_help: "File to read the URL from, reread when it changes";
}

/// Notifications.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Notifications")]
pub struct NotifySettings {
    #[command(flatten)]
    notify_webhook_url: WebhookUrl,
    /// Form of the webhook's body
    #[arg(long, env = "BILAG_NOTIFY_WEBHOOK_FORM", value_enum, default_value = "slack", value_name = "FORM")]
    notify_webhook_form: Form,
    /// How long a stage is paused, or an invoice without its file, before it is notified of
    #[arg(long, env = "BILAG_NOTIFY_AFTER", default_value = "15m", value_name = "DELAY")]
    pub(crate) notify_after: Delay,
    /// Time of the daily summary, as in 07:00, in the zone of BILAG_TIME_ZONE, else UTC [default: off]
    #[arg(long, env = "BILAG_NOTIFY_SUMMARY_AT", value_parser = time_of_day, value_name = "TIME")]
    pub(crate) notify_summary_at: Option<NaiveTime>,
    /// Public URL of the console, which notifications link to
    // The console's own setting, and listed there.
    #[arg(long, env = "BILAG_CONSOLE_URL", hide = true, value_name = "URL")]
    notify_console_url: Option<String>,
}

impl NotifySettings {
    /// Whether there is a webhook, usable or not.
    pub fn is_set(&self) -> bool {
        !matches!(self.notify_webhook_url.setting().read(), Ok(None))
    }

    /// The webhook; `None` where none is set.
    ///
    /// # Errors
    /// Its URL cannot be used.
    pub fn webhook(&self) -> Result<Option<Webhook>, SettingError> {
        if !self.is_set() {
            return Ok(None);
        }
        self.webhook_needed().map(Some)
    }

    /// The webhook, without which there is nothing to be done.
    ///
    /// # Errors
    /// Its URL cannot be used, or is not set.
    pub fn webhook_needed(&self) -> Result<Webhook, SettingError> {
        let url = self.notify_webhook_url.setting().needed("to notify anybody")?;
        let console = self.notify_console_url.clone().filter(|url| !url.is_empty());
        Webhook::new(url, self.notify_webhook_form, console)
    }
}

fn time_of_day(text: &str) -> Result<NaiveTime, &'static str> {
    NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| "a time of day has hours and minutes, as in 07:00")
}
