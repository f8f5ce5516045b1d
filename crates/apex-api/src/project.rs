//! A project, as a row and as a result.

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::FromRow;
use sqlx::types::time::OffsetDateTime;

use crate::envelope::{Envelope, content_sha256};
use crate::error::ApiError;
use crate::identity;

/// A row of `projects`; in this order the keys stand in a result.
#[derive(Debug, Clone, FromRow, Serialize)]
pub(crate) struct Project {
    pub(crate) project_id: String,
    pub(crate) account_id: String,
    pub(crate) name: String,
    pub(crate) customer: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) site_name: Option<String>,
    pub(crate) street: Option<String>,
    pub(crate) status: String,
    pub(crate) created_by: String,
    pub(crate) updated_by: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) updated_at: OffsetDateTime,
    pub(crate) etag: Option<String>,
    pub(crate) constants_version: Option<String>,
    pub(crate) content_sha256: Option<String>,
    pub(crate) confidence: Option<f64>,
}

impl Project {
    /// Fills the columns that every write renews: the hash of the content, and a new etag.
    ///
    /// # Errors
    /// As [`Self::result`].
    pub(crate) fn seal(&mut self) -> Result<(), ApiError> {
        let hash = content_sha256(&self.result()?);
        self.etag = Some(identity::etag(&hash));
        self.content_sha256 = Some(hash);
        Ok(())
    }

    /// The project as the result of an answer.
    ///
    /// # Errors
    /// When it has no JSON form: a time before the year 0 or after 9999, which RFC 3339 does not write.
    pub(crate) fn result(&self) -> Result<Value, ApiError> {
        serde_json::to_value(self).map_err(|error| {
            tracing::error!(project_id = self.project_id, %error, "a row has no JSON form");
            ApiError::Internal
        })
    }

    /// The project as an answer, as sure as the project itself.
    ///
    /// # Errors
    /// As [`Self::result`].
    pub(crate) fn envelope(&self) -> Result<Envelope, ApiError> {
        let envelope = Envelope::of(self.result()?)
            .confidence(self.confidence.unwrap_or(0.0))
            .intermediates(json!({ "constants_version": self.constants_version }));
        Ok(match self.confidence {
            Some(_) => envelope,
            None => envelope.assume("no confidence is recorded for this project: none is assumed"),
        })
    }
}

/// The time of a write, as exact as the database keeps it: the hash is the same before and after.
pub(crate) fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(now.microsecond() * 1000).unwrap_or(now)
}
