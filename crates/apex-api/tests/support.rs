//! A service in this process, on a database of its own, and what it answers.

use std::sync::Arc;

use apex_api::{Maintenance, Service};
use harness::Database;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::SecretString;
use serde_json::Value;
use sqlx::PgPool;
use tempfile::TempDir;

pub const TOKEN: &str = "a token of the tests";

/// A service that runs until it is dropped.
pub struct Api {
    pub base: String,
    client: Client,
    state: TempDir,
    served: tokio::task::JoinHandle<()>,
}

impl Api {
    /// On the pool of a database.
    pub async fn on(db: &Database) -> Self {
        Self::with(db.pool().clone(), tempfile::tempdir().unwrap()).await
    }

    /// On any pool, with a folder for its state.
    pub async fn with(pool: PgPool, state: TempDir) -> Self {
        let maintenance = Maintenance::load(&state.path().join("state.json")).unwrap();
        let service = Service::new(pool, maintenance, Some(SecretString::from(TOKEN)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            axum::serve(listener, apex_api::router(Arc::new(service))).await.unwrap();
        });
        Self { base, client: client(), state, served }
    }

    /// Ends the service and starts another one with the same state file.
    pub async fn restarted(mut self, pool: PgPool) -> Self {
        self.served.abort();
        let state = std::mem::replace(&mut self.state, tempfile::tempdir().unwrap());
        Self::with(pool, state).await
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, etag: &str, body: &Value) -> Answer {
        send(self.request(Method::PUT, path).header("If-Match", etag).json(body)).await
    }

    /// A new draft.
    pub async fn draft(&self) -> Answer {
        let body = serde_json::json!({"name": "Sign", "account_id": "acc_001", "created_by": "tester"});
        self.post("/projects", &body).await.is(201)
    }

    pub async fn maintain(&self, enabled: bool) -> Answer {
        let body = serde_json::json!({ "enabled": enabled });
        send(self.request(Method::PUT, "/admin/maintenance").bearer_auth(TOKEN).json(&body)).await
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self
    }

    #[track_caller]
    pub fn at(&self, pointer: &str) -> &Value {
        self.body.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {:#}", self.body))
    }

    #[track_caller]
    pub fn text(&self, pointer: &str) -> String {
        self.at(pointer)
            .as_str()
            .unwrap_or_else(|| panic!("{pointer} is no text in {:#}", self.body))
            .to_owned()
    }

    #[track_caller]
    pub fn etag(&self) -> String {
        self.headers["etag"].to_str().unwrap().to_owned()
    }

    #[track_caller]
    pub fn path(&self) -> String {
        format!("/projects/{}", self.text("/result/project_id"))
    }
}

pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}

pub fn client() -> Client {
    // Building a client asks for a TLS provider, also where nothing is encrypted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

/// Waits until so many sessions wait for a lock in this database.
pub async fn waiting(holder: &mut sqlx::PgConnection, expected: i64) {
    let holder = tokio::sync::Mutex::new(holder);
    runbook::wait::until("the write", std::time::Duration::from_secs(10), || async {
        let mut holder = holder.lock().await;
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN \
             (SELECT pid FROM pg_stat_activity WHERE datname = current_database())",
        )
        .fetch_one(&mut **holder)
        .await
        .unwrap();
        if waiting == expected { Ok(()) } else { Err(format!("{waiting} sessions wait")) }
    })
    .await
    .unwrap();
}
