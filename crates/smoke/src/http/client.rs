//! A client for the API of one target: whom it trusts, who it says it is, what it sends twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, redirect};
use runbook::check::CheckError;
use runbook::context::Context;
use runbook::settings::{ApiSection, Settings};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::failure::Failure;
use super::{Answer, Hidden, Sent};
use crate::token;

/// An answer is read to this many bytes: no answer of the contract is larger.
const LARGEST: usize = 16 << 20;
/// How many redirects are followed.
const REDIRECTS: usize = 5;
/// How many further attempts a request is given whose repetition can do no harm.
const FURTHER: u32 = 2;

/// A client for the API of one target.
#[derive(Debug)]
pub(crate) struct Http {
    client: Client,
    base: String,
    limit: Duration,
    /// What a person puts into a command instead of the secrets.
    secrets: Vec<String>,
    /// The secrets themselves, which no answer is to repeat.
    hidden: Arc<Hidden>,
    repeated: AtomicU64,
}

impl Http {
    /// The client of this context; made once for it.
    pub(crate) fn of(context: &Context) -> Result<Arc<Self>, CheckError> {
        let base = trimmed(&context.api()?.base_url);
        if let Some(http) = context.stash.get::<Self>().filter(|http| http.base == base) {
            return Ok(http);
        }
        let mut http = Self::to(base, &context.settings)?;
        // One that no header can hold is not sent, and who would send it says so.
        http.hidden = Arc::new(http.hidden.with(token::find(context).unwrap_or_default()));
        context.stash.put(http);
        context.stash.get::<Self>().ok_or_else(|| CheckError::Other("the client is gone".into()))
    }

    /// A client for an address.
    pub(crate) fn to(base: &str, settings: &Settings) -> Result<Self, CheckError> {
        let base = trimmed(base).to_owned();
        let url =
            Url::parse(&base).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url else {
            // Of an address that cannot be read, what stands before an @ may be a password.
            let shown = base.rsplit_once('@').map_or(base.as_str(), |(_, host)| host);
            let problem = format!("the API address `{shown}` is not http://HOST or https://HOST");
            return Err(CheckError::Missing(problem));
        };
        if !url.username().is_empty() || url.password().is_some() {
            // Not repeated here: every message and report shows the address.
            return Err(CheckError::Missing(format!(
                "the API address of {} carries a name or a password; put what it needs into [api.authentication]",
                url.host_str().unwrap_or_default()
            )));
        }
        if url.query().is_some() || url.fragment().is_some() {
            // Not repeated either: a key may stand there.
            return Err(CheckError::Missing(format!(
                "the API address of {} carries a query or a fragment; give what stands before it",
                url.host_str().unwrap_or_default()
            )));
        }
        let limit = settings.limits.request;
        // Building a client asks for a TLS provider, also where nothing is encrypted; a second install is refused.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let Authentication { headers, shown, hidden } = authentication(&settings.api)?;
        let mut builder = Client::builder()
            .user_agent(concat!("runbook-smoke/", env!("CARGO_PKG_VERSION")))
            .redirect(redirects(url.clone(), !headers.is_empty()))
            .default_headers(headers)
            .tls_certs_merge(authorities(settings)?)
            .connect_timeout(limit)
            .timeout(limit);
        if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            // A proxy's localhost is another machine.
            builder = builder.no_proxy();
        }
        let client =
            builder.build().map_err(|error| CheckError::Other(format!("no HTTP client: {error}")))?;
        let hidden = Arc::new(hidden);
        Ok(Self { client, base, limit, secrets: shown, hidden, repeated: AtomicU64::new(0) })
    }

    /// A text without the secrets that requests carry.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        self.hidden.taken_out(text)
    }

    /// The base address, without a trailing slash.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// How often a request was sent once more so far.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// The request as a command that a person can repeat.
    pub(crate) fn curl(&self, sent: &Sent) -> String {
        let token = sent.token.as_ref().map(|_| "Authorization: Bearer $TOKEN".to_owned());
        let own =
            self.secrets.iter().filter(|secret| token.is_none() || !secret.starts_with("Authorization"));
        let secrets: Vec<String> = own.cloned().chain(token.clone()).collect();
        sent.curl(&self.base, &secrets)
    }

    /// Sends a request and reads the answer; once more where the connection was lost and that can do no harm. The
    /// error says what came instead, in one fragment.
    pub(crate) async fn send(&self, sent: &Sent) -> Result<Answer, String> {
        let mut further = 0;
        loop {
            match self.once(sent).await {
                Err(failure) if further < FURTHER && failure.may_repeat(sent) => {
                    further += 1;
                    self.repeated.fetch_add(1, Ordering::Relaxed);
                }
                other => return other.map_err(|failure| failure.said),
            }
        }
    }

    /// [`Self::send`], with the time it took.
    pub(crate) async fn timed(&self, sent: &Sent) -> (Result<Answer, String>, Duration) {
        let started = Instant::now();
        let answer = self.send(sent).await;
        (answer, started.elapsed())
    }

    /// Sends it once, whatever may be repeated: what a load counts is what was asked.
    pub(crate) async fn send_once(&self, sent: &Sent) -> Result<Answer, String> {
        self.once(sent).await.map_err(|failure| failure.said)
    }

    async fn once(&self, sent: &Sent) -> Result<Answer, Failure> {
        if let Some(wrong) = sent.wrong_path() {
            return Err(Failure::unsendable(wrong));
        }
        let failed = |error: reqwest::Error| Failure::new(&error, &self.base, self.limit);
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
        let mut response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST {
                return Err(Failure::too_large(LARGEST));
            }
        }
        Ok(Answer::new(status, headers, bytes, Arc::clone(&self.hidden)))
    }
}

/// An address without the blanks around it, as a variable may hold them, and without slashes at its end.
fn trimmed(base: &str) -> &str {
    base.trim().trim_end_matches('/')
}

/// Redirects are followed, with the body where the status says so (307, 308); what is secret stays with its host.
fn redirects(base: Url, secret: bool) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > REDIRECTS {
            return attempt.error(format!("a redirect after {REDIRECTS} redirects"));
        }
        if secret && !is_home(&base, attempt.url()) {
            let to = attempt.url();
            let to = match to.host_str().unwrap_or("nowhere") {
                host if Some(host) != base.host_str() => format!("another host, {host}"),
                _ => to.origin().ascii_serialization(),
            };
            return attempt.error(format!("a redirect to {to}, which is not told the secrets"));
        }
        attempt.follow()
    })
}

/// Whether an address is of the service itself: the same origin, or the same host from http to https on their own ports.
fn is_home(base: &Url, to: &Url) -> bool {
    let ports = |url: &Url| (url.scheme().to_owned(), url.port_or_known_default());
    let upgraded = ports(base) == ("http".into(), Some(80)) && ports(to) == ("https".into(), Some(443));
    base.host() == to.host() && (base.origin() == to.origin() || upgraded)
}

/// What every request carries.
struct Authentication {
    headers: HeaderMap,
    /// How a person writes it.
    shown: Vec<String>,
    hidden: Hidden,
}

fn authentication(api: &ApiSection) -> Result<Authentication, CheckError> {
    let (mut headers, mut shown, mut hidden) = (HeaderMap::new(), Vec::new(), Hidden::default());
    let of = &api.authentication;
    let bearer = of.bearer_variable.as_ref().map(|variable| (AUTHORIZATION, "Bearer ", variable));
    let header = match (&of.header, &of.header_variable) {
        (Some(name), Some(variable)) => {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                CheckError::Missing(format!("[api.authentication] header: `{name}` is not a header's name"))
            })?;
            Some((name, "", variable))
        }
        _ => None,
    };
    for (name, scheme, variable) in bearer.into_iter().chain(header) {
        let secret = std::env::var(variable).ok().filter(|value| !value.is_empty()).ok_or_else(|| {
            CheckError::Missing(format!("{variable} is not set: it holds what [api.authentication] sends"))
        })?;
        let mut value = HeaderValue::from_str(&format!("{scheme}{secret}")).map_err(|_| {
            CheckError::Missing(format!("{variable} holds what no header can: a line break, say"))
        })?;
        value.set_sensitive(true);
        let shown_name = if name == AUTHORIZATION { "Authorization" } else { name.as_str() };
        shown.push(format!("{shown_name}: {scheme}${variable}"));
        hidden = hidden.with(Some(SecretString::from(secret)));
        headers.insert(name, value);
    }
    Ok(Authentication { headers, shown, hidden })
}

/// The certificates that are trusted beside the system's own.
fn authorities(settings: &Settings) -> Result<Vec<Certificate>, CheckError> {
    let Some(file) = &settings.api.certificate_authority else { return Ok(Vec::new()) };
    let path = settings.path(file);
    let wrong = |problem: String| {
        CheckError::Missing(format!("[api] certificate_authority: {}: {problem}", path.display()))
    };
    let pem = std::fs::read(&path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(wrong("it holds no certificate".into())),
        Err(error) => Err(wrong(format!("it is not PEM: {error}"))),
    }
}
