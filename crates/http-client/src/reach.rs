//! Whether a service is there, without asking anything of it.

use reqwest::Method;
use reqwest::header::AUTHORIZATION;

use crate::service::ServiceClient;
use crate::{CallError, below, send};

impl ServiceClient {
    /// Asks what may be done at a path below the service's URL (`OPTIONS`), with the credentials: nothing is done
    /// there. Answers the status; that the service does not take this method is an answer as well.
    ///
    /// # Errors
    /// See [`CallError`]: not reached, not let in, or something else answers.
    pub async fn reach(&self, path: &[&str]) -> Result<u16, CallError> {
        let (service, http, url, authorization) = self.parts();
        let mut builder = http.request(Method::OPTIONS, below(url, path));
        if let Some(authorization) = authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        let mut received = send(builder).await.map_err(|reason| CallError::no_answer(service, reason))?;
        let status = received.status();
        match status.as_u16() {
            401 | 403 | 407 | 408 | 300..=399 | 500..=599 if status.as_u16() != 501 => {
                let body = received.first_kilobyte().await;
                Err(CallError::answered(service, status, received.headers(), &body))
            }
            status => Ok(status),
        }
    }
}
