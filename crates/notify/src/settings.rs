//! Whom to notify, in which form, and of what.

use amqp::Delay;
use chrono::NaiveTime;
use clap::{Args, ValueEnum};
use consumer::SettingError;
use tenants::{Tenant, Tenants};

use crate::email::{Address, Email, SMTP_URL};
use crate::recipient::ReachedBy;
use crate::webhook::{INSTALLATIONS, TENANTS, WEBHOOK_URL};
use crate::{Form, Recipient, Webhook};

const EMAIL_FROM: &str = "BILAG_NOTIFY_EMAIL_FROM";

consumer::secret_args! {
    struct WebhookUrl("BILAG_NOTIFY_WEBHOOK_URL", "notify-webhook-url", "URL");
    help: "URL of a webhook that is notified, secret included; prefer the variable to the flag [default: off]";
    file_help: "File to read the URL from, reread when it changes";
}

consumer::secret_args! {
    struct SmtpUrl("BILAG_NOTIFY_SMTP_URL", "notify-smtp-url", "URL");
    help: "SMTP server for notifications by e-mail, as in smtps://USER:PASSWORD@HOST or smtp://HOST?tls=required; prefer the variable to the flag [default: off]";
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
    #[command(flatten)]
    notify_smtp_url: SmtpUrl,
    /// Sender of e-mail, as in bilag@nordlys.example or "Bilag <bilag@nordlys.example>"
    #[arg(long, env = "BILAG_NOTIFY_EMAIL_FROM", value_name = "ADDRESS")]
    notify_email_from: Option<Address>,
    /// Addresses that get e-mail, separated by commas; each gets its own
    #[arg(long, env = "BILAG_NOTIFY_EMAIL_TO", value_delimiter = ',', value_name = "ADDRESS")]
    notify_email_to: Vec<Address>,
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
    /// All who are notified: those of the installation, then those of each tenant.
    ///
    /// # Errors
    /// A setting, or what the tenants' file says, is of no use.
    pub fn recipients(&self, tenants: Option<&Tenants>) -> Result<Vec<Recipient>, SettingError> {
        let mut recipients = Vec::new();
        let of_all = |reached_by| Recipient { tenant: None, reached_by };
        if let Some(url) = self.notify_webhook_url.setting().read()? {
            let webhook = Webhook::new(&INSTALLATIONS, url, self.notify_webhook_form, self.console());
            let webhook = webhook.map_err(|problem| SettingError::named(WEBHOOK_URL, problem))?;
            recipients.push(of_all(ReachedBy::Webhook(webhook)));
        }
        for to in &self.notify_email_to {
            recipients.push(of_all(ReachedBy::Email(self.email(to.clone())?)));
        }
        for tenant in tenants.iter().flat_map(|tenants| tenants.iter()) {
            let of_tenant = |reached_by| Recipient { tenant: Some(tenant.name().to_owned()), reached_by };
            recipients.extend(self.tenants_webhook(tenant)?.map(ReachedBy::Webhook).map(of_tenant));
            for to in &tenant.notify.email_to {
                let address = to.value.parse::<Address>();
                let address = address.map_err(|wrong| of(tenant.wrong("notify.email-to", to.line, wrong)))?;
                recipients.push(of_tenant(ReachedBy::Email(self.email(address)?)));
            }
        }
        if !recipients.iter().any(Recipient::is_email) && self.notify_smtp_url.setting().read()?.is_some() {
            let problem =
                "set, and nobody gets e-mail: set BILAG_NOTIFY_EMAIL_TO, or a tenant's `notify.email-to`";
            return Err(SettingError::named(SMTP_URL, problem));
        }
        Ok(recipients)
    }

    fn tenants_webhook(&self, tenant: &Tenant) -> Result<Option<Webhook>, SettingError> {
        let (url, form) = (&tenant.notify.webhook_url, &tenant.notify.webhook_form);
        let form = match form {
            Some(form) => Form::from_str(&form.value, false).map_err(|_| {
                of(tenant.wrong("notify.webhook-form", form.line, "one of \"slack\", \"teams\" and \"json\""))
            })?,
            None => self.notify_webhook_form,
        };
        let Some(url) = url else { return Ok(None) };
        let wrong = |problem: amqp::BoxError| of(tenant.wrong("notify.webhook-url", url.line, problem));
        let secret = url.value.read().map_err(|missing| wrong(missing.into()))?;
        Webhook::new(&TENANTS, secret, form, self.console()).map(Some).map_err(wrong)
    }

    fn email(&self, to: Address) -> Result<Email, SettingError> {
        let server = self.notify_smtp_url.setting().needed("to notify anybody by e-mail")?;
        let from = self.notify_email_from.clone();
        let from = from.ok_or_else(|| {
            SettingError::named(EMAIL_FROM, "needed to notify anybody by e-mail, and not set")
        })?;
        Email::new(server, from, to, self.console()).map_err(SettingError::described)
    }

    fn console(&self) -> Option<String> {
        self.notify_console_url.clone().filter(|url| !url.is_empty())
    }
}

/// The error names the tenant's member.
fn of(wrong: tenants::WrongTenant) -> SettingError {
    SettingError::described(wrong)
}

fn time_of_day(text: &str) -> Result<NaiveTime, &'static str> {
    NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| "a time of day has hours and minutes, as in 07:00")
}
