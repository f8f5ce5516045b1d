//! A service with one fault: the reference service, whose requests and answers pass through it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use apex_api::{Maintenance, Service};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use harness::Database;
use runbook::context::{Api, Context};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use smoke::AdminToken;
use tempfile::TempDir;

const TOKEN: &str = "a token of the tests";

/// Between two bytes of a slow answer.
const SLOW: std::time::Duration = std::time::Duration::from_millis(100);

/// A description of a fault under `fixtures/defects/smoke.*/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defect {
    /// One sentence: what is broken.
    pub plants: String,
    /// What the finding of its check must say.
    pub says: String,
    /// The case of the contract that notices, where its check is that of the cases.
    pub case: Option<String>,
    /// Other checks that rightly fail too.
    #[serde(default)]
    pub also: Vec<String>,
    /// Statements that break the database under the service.
    pub sql: Option<String>,
    /// How long a request may take, and a condition may be waited for; the settings' own limit without.
    pub limit_seconds: Option<f64>,
    /// What the service does wrong.
    pub fault: Option<Fault>,
    /// The check that must find it: the folder's name.
    #[serde(skip)]
    pub check: String,
}

/// Which requests are served wrongly, and how.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// A path, or the beginning of one before a `*`; any without.
    path: Option<String>,
    method: Option<String>,
    /// The request's query.
    query: Option<String>,
    /// A text that the request's body holds.
    body_holds: Option<String>,
    /// Only while maintenance mode is on.
    #[serde(default)]
    under_maintenance: bool,
    /// Only where the request before it was the same.
    #[serde(default)]
    again: bool,
    /// Only answers with this status.
    answered: Option<u16>,
    /// The request's header is replaced before the service sees it, an empty value removes one; `{token}` is the
    /// admin token.
    #[serde(default)]
    request_headers: BTreeMap<String, String>,
    /// The query is dropped before the service sees it.
    #[serde(default)]
    drop_query: bool,
    /// Answered without asking the service.
    answer: Option<Canned>,
    /// Redirected to itself, for ever.
    #[serde(default)]
    redirects: bool,
    /// Texts of the query, and of the body, that are replaced by others before the service sees them.
    query_replace: Option<(String, String)>,
    body_replace: Option<(String, String)>,
    /// The answer's etag is the one that the request brought.
    #[serde(default)]
    echo_if_match: bool,
    /// Statements that run after the service has answered, before the caller is told.
    afterwards: Option<String>,
    /// Answered a byte at a time, for ever; with more than anybody reads; cut off in the midst.
    #[serde(default)]
    drips: bool,
    #[serde(default)]
    endless: bool,
    #[serde(default)]
    cut: bool,
    /// Never answered.
    #[serde(default)]
    stalls: bool,
    /// The answer's status is replaced.
    status: Option<u16>,
    /// The answer's headers are replaced; an empty value removes one.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Members of the answer that are replaced, by their pointers.
    #[serde(default)]
    set: BTreeMap<String, toml::Value>,
    /// The hash is taken anew of what was replaced.
    #[serde(default)]
    rehash: bool,
    /// Members of the answer that are taken out.
    #[serde(default)]
    remove: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Canned {
    status: u16,
    #[serde(default)]
    body: String,
    #[serde(default = "json_type")]
    kind: String,
    /// Each character is one byte.
    #[serde(default)]
    latin1: bool,
}

fn json_type() -> String {
    "application/json".into()
}

/// All descriptions, in the order of their paths.
pub fn all() -> Vec<(PathBuf, Defect)> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(harness::settings().path("defects")).unwrap().flatten() {
        let check = folder.file_name().into_string().unwrap();
        if !check.starts_with("smoke.") {
            continue;
        }
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            found.push((file.path(), read(&file.path())));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// One description.
fn read(path: &Path) -> Defect {
    let text = std::fs::read_to_string(path).unwrap();
    let mut defect: Defect =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    defect.check = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    defect
}

/// A running service, and a context that names it.
pub struct Serving {
    pub context: Context,
    pub state: TempDir,
    served: tokio::task::JoinHandle<()>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// The reference service as it is.
pub async fn faultless(db: &Database) -> Serving {
    serve(db, Fault::default(), false).await
}

/// The reference service with one fault.
pub async fn faulty(db: &Database, fault: Fault) -> Serving {
    serve(db, fault, true).await
}

async fn serve(db: &Database, fault: Fault, broken: bool) -> Serving {
    let state = tempfile::tempdir().unwrap();
    let maintenance = Maintenance::load(&state.path().join("state.json")).unwrap();
    let pool = apex_api::pool(db.url().connect_options(), "apex-api", 4);
    let outside = db.pool().clone();
    let service = Arc::new(Service::new(pool, maintenance, Some(SecretString::from(TOKEN))));
    let mut router: Router = apex_api::router(service);
    if broken {
        let wrong = Arc::new(Wrong {
            fault,
            maintenance: AtomicBool::new(false),
            last: Mutex::default(),
            database: outside,
        });
        router = Router::new().fallback_service(router).layer(from_fn_with_state(wrong, serve_wrongly));
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut context = db.context();
    context.api = Some(Api { base_url: format!("http://{}", listener.local_addr().unwrap()) });
    context.stash.put(AdminToken(SecretString::from(TOKEN)));
    let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Serving { context, state, served }
}

struct Wrong {
    fault: Fault,
    maintenance: AtomicBool,
    /// The request before this one.
    last: Mutex<String>,
    database: sqlx::PgPool,
}

async fn serve_wrongly(State(wrong): State<Arc<Wrong>>, request: Request, next: Next) -> Response {
    let fault = &wrong.fault;
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8_lossy(&body).into_owned();
    let under_maintenance = wrong.maintenance.load(Ordering::SeqCst);
    if parts.uri.path() == "/admin/maintenance" {
        wrong.maintenance.store(text.contains("true"), Ordering::SeqCst);
    }
    let path = parts.uri.path().to_owned();
    let this = format!("{} {}", parts.method, parts.uri);
    let again = std::mem::replace(&mut *wrong.last.lock().unwrap(), this.clone()) == this;
    let here = fault.path.as_deref().is_none_or(|pattern| match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path == pattern,
    }) && fault.method.as_deref().is_none_or(|method| parts.method == method)
        && fault.query.as_deref().is_none_or(|query| parts.uri.query() == Some(query))
        && fault.body_holds.as_deref().is_none_or(|held| text.contains(held))
        && (under_maintenance || !fault.under_maintenance)
        && (!fault.again || again);
    if !here {
        return next.run(Request::from_parts(parts, Body::from(body))).await;
    }
    if fault.stalls {
        std::future::pending::<()>().await;
    }
    if fault.drips || fault.endless {
        let (piece, drips) = if fault.drips { (vec![b' '], true) } else { (vec![b' '; 1 << 20], false) };
        let pieces = futures_util::stream::unfold((), move |()| {
            let piece = piece.clone();
            async move {
                if drips {
                    tokio::time::interval_at(tokio::time::Instant::now() + SLOW, SLOW).tick().await;
                }
                Some((Ok::<_, std::io::Error>(piece), ()))
            }
        });
        return Body::from_stream(pieces).into_response();
    }
    if fault.cut {
        let pieces = [Ok("{\"result\":"), Err(std::io::Error::other("cut"))];
        return Body::from_stream(futures_util::stream::iter(pieces)).into_response();
    }
    if fault.redirects {
        return (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, path)]).into_response();
    }
    if let Some(canned) = &fault.answer {
        let status = StatusCode::from_u16(canned.status).unwrap();
        let body: Vec<u8> = match canned.latin1 {
            true => canned.body.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect(),
            false => canned.body.clone().into_bytes(),
        };
        return (status, [(CONTENT_TYPE, canned.kind.clone())], body).into_response();
    }
    for (name, value) in &fault.request_headers {
        let value = value.replace("{token}", SecretString::from(TOKEN).expose_secret());
        let name = name.parse::<HeaderName>().unwrap();
        parts.headers.remove(&name);
        if !value.is_empty() {
            parts.headers.insert(name, HeaderValue::from_str(&value).unwrap());
        }
    }
    if fault.drop_query {
        parts.uri = path.parse::<Uri>().unwrap();
    }
    if let Some((from, to)) = &fault.query_replace {
        parts.uri = parts.uri.to_string().replace(from, to).parse::<Uri>().unwrap();
    }
    let body = match &fault.body_replace {
        Some((from, to)) => {
            parts.headers.remove(CONTENT_LENGTH);
            Body::from(text.replace(from, to))
        }
        None => Body::from(body),
    };
    let brought = parts.headers.get(IF_MATCH).cloned();
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if fault.echo_if_match
        && let Some(etag) = brought
    {
        response.headers_mut().insert(ETAG, etag);
    }
    if let Some(sql) = &fault.afterwards {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone())).execute(&wrong.database).await.unwrap();
    }
    if fault.answered.is_some_and(|status| response.status() != status) {
        return response;
    }
    rewritten(response, fault).await
}

async fn rewritten(response: Response, fault: &Fault) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let bytes = match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut json) => {
            for (pointer, value) in &fault.set {
                let (parent, key) = pointer.rsplit_once('/').unwrap();
                if let Some(Value::Object(object)) = json.pointer_mut(parent) {
                    object.insert(key.to_owned(), serde_json::to_value(value).unwrap());
                }
            }
            for pointer in &fault.remove {
                let (parent, key) = pointer.rsplit_once('/').unwrap();
                if let Some(Value::Object(object)) = json.pointer_mut(parent) {
                    object.remove(key);
                }
            }
            if fault.rehash {
                json["content_sha256"] = apex_api::content_sha256(&json["result"]).into();
            }
            json.to_string().into()
        }
        Err(_) => bytes,
    };
    if let Some(status) = fault.status {
        parts.status = StatusCode::from_u16(status).unwrap();
    }
    parts.headers.remove(CONTENT_LENGTH);
    for (name, value) in &fault.headers {
        let name = name.parse::<HeaderName>().unwrap();
        parts.headers.remove(&name);
        if !value.is_empty() {
            parts.headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
    }
    Response::from_parts(parts, Body::from(bytes))
}
