//! Who is notified: a webhook or an address, of all that happens or of what is one tenant's.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http_client::CallError;
use thiserror::Error;

use crate::email::{Email, EmailError, SENT_WITHIN};
use crate::{Message, Webhook};

/// Somebody who is notified.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// The tenant, where it is notified of what is that tenant's alone.
    pub(crate) tenant: Option<String>,
    pub(crate) reached_by: ReachedBy,
}

#[derive(Clone, Debug)]
pub(crate) enum ReachedBy {
    Webhook(Webhook),
    Email(Email),
}

/// Why somebody was not notified.
#[derive(Debug, Error)]
pub enum SendError {
    /// The webhook.
    #[error(transparent)]
    Webhook(#[from] CallError),
    /// The e-mail.
    #[error(transparent)]
    Email(#[from] EmailError),
}

impl Recipient {
    /// As people know it: `the notification webhook of tenant 7`. With its address, which is for who set it.
    pub fn described(&self) -> String {
        match &self.reached_by {
            ReachedBy::Webhook(_) => self.name(),
            ReachedBy::Email(email) => format!("{} to {}", self.name(), email.address()),
        }
    }

    /// The same with a digest of the address, for logs and for the store: its channel.
    pub(crate) fn name(&self) -> String {
        let what = match &self.reached_by {
            ReachedBy::Webhook(_) => "the notification webhook".to_owned(),
            ReachedBy::Email(email) => format!("e-mail {}", email.digest()),
        };
        self.tenant.as_ref().map_or_else(|| what.clone(), |tenant| format!("{what} of tenant {tenant}"))
    }

    /// Sends a message once, and answers what was said to it.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(
        &self,
        message: &Message,
        id: &str,
        noted_at: DateTime<Utc>,
    ) -> Result<String, SendError> {
        match &self.reached_by {
            ReachedBy::Webhook(webhook) => {
                let status = webhook.post(message, id, noted_at).await?;
                Ok(format!("answered {status}"))
            }
            ReachedBy::Email(email) => {
                email.send(message, id, noted_at).await?;
                Ok("was taken by the SMTP server".to_owned())
            }
        }
    }

    /// Whether it can be reached: nothing is sent. Answers what was found.
    ///
    /// # Errors
    /// See [`SendError`].
    pub(crate) async fn reach(&self) -> Result<String, SendError> {
        match &self.reached_by {
            ReachedBy::Webhook(webhook) => Ok(format!("answers {} to OPTIONS", webhook.reach().await?)),
            ReachedBy::Email(email) => Ok(match email.reach().await? {
                true => "has an SMTP server that accepts the login".to_owned(),
                false => "has an SMTP server that answers; its URL has no login".to_owned(),
            }),
        }
    }

    pub(crate) fn is_email(&self) -> bool {
        matches!(self.reached_by, ReachedBy::Email(_))
    }

    /// Longer than sending takes.
    pub(crate) fn sent_within(&self) -> Duration {
        match &self.reached_by {
            ReachedBy::Webhook(_) => Duration::from_secs(60),
            ReachedBy::Email(_) => SENT_WITHIN,
        }
    }
}

impl SendError {
    /// For how long the next message has to wait too, where the answer says so.
    pub(crate) fn held_for(&self) -> Duration {
        match self {
            Self::Webhook(CallError::Throttled { retry_after, .. }) => *retry_after,
            _ => Duration::ZERO,
        }
    }

    /// Whether others are not reached by the server either.
    pub(crate) fn is_of_server(&self) -> bool {
        !matches!(self, Self::Email(EmailError::Refused { .. } | EmailError::Message(_)))
    }

    /// Whether it was refused for good.
    pub(crate) fn is_permanent(&self) -> bool {
        matches!(self, Self::Email(EmailError::Refused { is_permanent: true, .. }))
    }
}
