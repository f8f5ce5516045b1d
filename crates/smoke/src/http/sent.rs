//! A request, ready to be sent and to be shown.

use reqwest::Method;
use secrecy::SecretString;

/// Longer bodies are not shown whole.
const SHOWN: usize = 400;

/// A request, ready to be sent and to be shown.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    /// Sent as a bearer token, and never shown.
    pub(crate) token: Option<SecretString>,
    /// Whether the service knows it by its key when it comes a second time.
    pub(crate) repeatable: bool,
}

impl Sent {
    /// A GET without anything else.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            headers: Vec::new(),
            body: None,
            token: None,
            repeatable: false,
        }
    }

    /// Why its path is none of the service. Put behind an address it could name another host.
    pub(crate) fn wrong_path(&self) -> Option<String> {
        let wrong = !self.path.starts_with('/');
        wrong.then(|| format!("`{}` is not a path of the service: it starts with `/`", self.path))
    }

    /// A request whose body is JSON.
    pub(crate) fn json(method: Method, path: impl Into<String>, body: impl Into<String>) -> Self {
        let headers = vec![("Content-Type".into(), "application/json".into())];
        Self { method, path: path.into(), headers, body: Some(body.into()), token: None, repeatable: false }
    }

    /// The same request as a command that a person can repeat. Secrets are left to the reader.
    pub(super) fn curl(&self, base: &str, secrets: &[String]) -> String {
        let mut command = String::from("curl");
        if self.method != Method::GET {
            command.push_str(&format!(" -X {}", self.method));
        }
        command.push_str(&format!(" {}", quoted(&format!("{base}{}", self.path))));
        for (name, value) in &self.headers {
            command.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
        }
        for secret in secrets {
            command.push_str(&format!(" -H \"{secret}\""));
        }
        if let Some(body) = &self.body {
            let shown =
                if body.len() > SHOWN { format!("… {} bytes …", body.len()) } else { quoted(body) };
            command.push_str(&format!(" -d {shown}"));
        }
        command
    }
}

/// A word that a shell takes as it is.
pub(crate) fn quoted(text: &str) -> String {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:?=@".contains(c)) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
