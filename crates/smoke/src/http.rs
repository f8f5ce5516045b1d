//! Requests with a time limit, and answers read to their end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode, redirect};
use runbook::check::CheckError;
use runbook::context::Context;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

/// An answer is read to this many bytes: no answer of the contract is larger.
const LARGEST: usize = 16 << 20;
/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// A client for the API of one target.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    base: String,
    limit: Duration,
}

/// A request, ready to be sent and to be shown.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    /// Sent as a bearer token, and never shown.
    pub(crate) token: Option<SecretString>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Http {
    /// The client of this context; made once for it.
    pub(crate) fn of(context: &Context) -> Result<Arc<Self>, CheckError> {
        let base = context.api()?.base_url.trim_end_matches('/').to_owned();
        if let Some(http) = context.stash.get::<Self>().filter(|http| http.base == base) {
            return Ok(http);
        }
        context.stash.put(Self::to(base, context.settings.limits.request)?);
        context.stash.get::<Self>().ok_or_else(|| CheckError::Other("the client is gone".into()))
    }

    fn to(base: String, limit: Duration) -> Result<Self, CheckError> {
        let url =
            Url::parse(&base).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url else {
            let problem = format!("the API address `{base}` is not http://HOST or https://HOST");
            return Err(CheckError::Missing(problem));
        };
        // Building a client asks for a TLS provider, also where nothing is encrypted; a second install is refused.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("runbook-smoke/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::limited(REDIRECTS))
            .connect_timeout(limit)
            .timeout(limit);
        if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            // A proxy's localhost is another machine.
            builder = builder.no_proxy();
        }
        let client =
            builder.build().map_err(|error| CheckError::Other(format!("no HTTP client: {error}")))?;
        Ok(Self { client, base, limit })
    }

    /// The base address, without a trailing slash.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request and reads the answer. The error says what came instead, in one fragment.
    pub(crate) async fn send(&self, sent: &Sent) -> Result<Answer, String> {
        let mut request = self.client.request(sent.method.clone(), format!("{}{}", self.base, sent.path));
        for (name, value) in &sent.headers {
            request = request.header(name, value);
        }
        if let Some(token) = &sent.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = &sent.body {
            request = request.body(body.clone());
        }
        let mut response = request.send().await.map_err(|error| self.describe(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.describe(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST {
                return Err(format!("an answer of more than {LARGEST} bytes"));
            }
        }
        Ok(Answer { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() })
    }

    /// [`Self::send`], with the time it took.
    pub(crate) async fn timed(&self, sent: &Sent) -> (Result<Answer, String>, Duration) {
        let started = Instant::now();
        let answer = self.send(sent).await;
        (answer, started.elapsed())
    }

    fn describe(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            return format!("no answer within {} s", self.limit.as_secs_f64());
        }
        if error.is_redirect() {
            return format!("a redirect after {REDIRECTS} redirects");
        }
        if error.is_connect() {
            return format!("no connection to {}: {}", self.base, innermost(error));
        }
        format!("no whole answer: {}", innermost(error))
    }
}

impl Sent {
    /// A GET without anything else.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), headers: Vec::new(), body: None, token: None }
    }

    /// The same request as a command that a person can repeat. A token is left to the reader.
    pub(crate) fn curl(&self, base: &str) -> String {
        let mut command = String::from("curl");
        if self.method != Method::GET {
            command.push_str(&format!(" -X {}", self.method));
        }
        command.push_str(&format!(" {}", quoted(&format!("{base}{}", self.path))));
        for (name, value) in &self.headers {
            command.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
        }
        if self.token.is_some() {
            command.push_str(" -H \"Authorization: Bearer $TOKEN\"");
        }
        if let Some(body) = &self.body {
            let shown = if body.len() > 400 { format!("… {} bytes …", body.len()) } else { quoted(body) };
            command.push_str(&format!(" -d {shown}"));
        }
        command
    }
}

impl Answer {
    /// The body as JSON, or what it is instead.
    pub(crate) fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.text).map_err(|_| {
            let kind = self.header("content-type").unwrap_or_else(|| "no Content-Type".into());
            match shortened(&self.text) {
                empty if empty.is_empty() => "an empty body where JSON was expected".into(),
                text => format!("a body that is not JSON ({kind}): {text}"),
            }
        })
    }

    /// A header's value, where it is there and text.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
    }
}

/// The first words of a text, on one line.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(120) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// A word that a shell takes as it is.
fn quoted(text: &str) -> String {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:?=@".contains(c)) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn innermost(error: &reqwest::Error) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(inner) = source.source() {
        source = inner;
    }
    source.to_string()
}
