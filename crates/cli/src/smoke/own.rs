//! A database and a service of our own, for as long as a smoke test lasts.

use std::sync::Arc;

use ::smoke::{AdminToken, ServiceLog};
use harness::Database;
use harness::service::Service;
use runbook::context::{Api, Context};
use runbook::settings::Settings;
use secrecy::SecretString;

use crate::failure::Failure;

/// What lives as long as the smoke test.
pub(super) struct Own {
    pub(super) context: Context,
    // Before the database that it uses.
    service: Arc<Service>,
    _database: Database,
}

impl Own {
    /// Starts it.
    pub(super) async fn start(settings: Settings) -> Result<Self, Failure> {
        let settings = Arc::new(settings);
        harness::use_settings(Arc::clone(&settings));
        let database = Database::seeded().await.map_err(Failure::said)?;
        let service = Service::start(&settings.api.start, database.url()).await.map_err(Failure::said)?;
        let service = Arc::new(service);
        let mut context = database.context();
        context.settings = settings;
        context.api = Some(Api { base_url: service.base_url() });
        context.stash.put(AdminToken(SecretString::from(service.token())));
        let (said, heard) = (Arc::clone(&service), Arc::clone(&service));
        context.stash.put(ServiceLog::of(move || said.said(), move |mark| heard.output_since(mark)));
        Ok(Self { context, service, _database: database })
    }

    /// Where the service is.
    pub(super) fn base(&self) -> String {
        self.service.base_url()
    }

    /// The most memory that the service had, in MiB, where the system tells.
    pub(super) fn peak_memory(&self) -> Option<f64> {
        ::smoke::load::peak_memory(self.service.pid())
    }
}
