//! Where a server comes from: a container, the machine's own binaries, or an address.

pub mod binaries;
pub mod container;
pub mod engine;
pub(crate) mod local;
pub mod url;

use std::fs::File;

use crate::shared::Record;
use crate::state::State;
use crate::{HarnessError, keeper, try_settings};

use binaries::Binaries;
use engine::Engine;

/// One way to have a server, and what was found of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `url`, `container`, `local`.
    pub backend: &'static str,
    /// What is there, with versions.
    pub there: Vec<String>,
    /// What is missing; nothing, when the way can be gone.
    pub missing: Option<String>,
}

/// What this machine offers, what was chosen, and why: what `runbook doctor` prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// `RUNBOOK_BACKEND`: `auto` where it is not set.
    pub wanted: String,
    /// All ways, in the order in which `auto` tries them.
    pub found: Vec<Found>,
    /// The chosen one.
    pub chosen: Option<&'static str>,
    /// Why that one; the sentence of the error, when there is none.
    pub why: String,
}

/// A way that can be gone.
enum Way {
    Url(String),
    Container(Engine),
    Local(Binaries),
}

const ORDER: [&str; 3] = ["url", "container", "local"];

/// Looks at everything, and at what would be chosen now. Starts nothing.
///
/// # Errors
/// When the settings cannot be read.
pub async fn survey() -> Result<Survey, HarnessError> {
    let minimum = try_settings()?.database.minimum_version;
    let wanted = wanted();
    let mut found = Vec::new();
    let mut ways = Vec::new();
    for backend in ORDER {
        let (there, way) = look(backend, minimum).await;
        let missing = way.as_ref().err().map(|error| match error {
            // What to do about it is the survey's last sentence, once.
            HarnessError::NoBackend(why) => why.clone(),
            error => error.to_string(),
        });
        found.push(Found { backend, there, missing });
        ways.push((backend, way.map(drop)));
    }
    let picked = pick(&wanted, &ways);
    let (chosen, why) = match picked {
        Ok((chosen, why)) => (Some(chosen), why),
        Err(error) => (None, error.to_string()),
    };
    Ok(Survey { wanted, found, chosen, why })
}

/// Starts the shared server by the way that was asked for, or by the first that can be gone.
pub(crate) async fn start(state: &State, lease: &File, minimum: u32) -> Result<Record, HarnessError> {
    let wanted = wanted();
    let mut ways = Vec::new();
    for backend in ORDER {
        if wanted != "auto" && wanted != backend {
            continue;
        }
        match look(backend, minimum).await.1 {
            Ok(Way::Url(url)) => return url::start(state, &url, minimum).await,
            Ok(Way::Container(engine)) => return container::start(state, &engine, minimum).await,
            Ok(Way::Local(binaries)) => return local::start(state, lease, binaries).await,
            // Who names a server means it: another one in its place would only hide the mistake.
            Err(error) if backend == "url" && url::named().is_some() => return Err(error),
            Err(error) => ways.push((backend, Err(error))),
        }
    }
    Err(pick(&wanted, &ways).err().unwrap_or_else(|| HarnessError::NoBackend("nothing was found".into())))
}

fn wanted() -> String {
    std::env::var("RUNBOOK_BACKEND").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "auto".into())
}

/// Which of the ways is gone, and why; or the one sentence that says what to do.
fn pick(
    wanted: &str,
    ways: &[(&'static str, Result<(), HarnessError>)],
) -> Result<(&'static str, String), HarnessError> {
    if wanted != "auto" {
        return match ways.iter().find(|(backend, _)| *backend == wanted) {
            Some((backend, Ok(()))) => Ok((backend, format!("RUNBOOK_BACKEND={wanted} asks for it"))),
            Some((_, Err(HarnessError::NoBackend(why)))) => {
                Err(HarnessError::NoBackend(format!("RUNBOOK_BACKEND={wanted}, and {why}")))
            }
            Some((_, Err(error))) => Err(HarnessError::Other(error.to_string())),
            None => Err(HarnessError::Other(format!(
                "RUNBOOK_BACKEND={wanted} is not known: use auto, container, local or url"
            ))),
        };
    }
    let mut before = Vec::new();
    for (backend, way) in ways {
        match way {
            Ok(()) if before.is_empty() => return Ok((backend, "it is the first that auto tries".into())),
            Ok(()) => return Ok((backend, format!("auto tries it after {}", before.join(" and ")))),
            Err(HarnessError::NoBackend(why)) => before.push(format!("{backend} ({why})")),
            Err(error) => before.push(format!("{backend} ({error})")),
        }
    }
    // Too old is better news than nothing: it says what to upgrade.
    let older = ways
        .iter()
        .find_map(|(_, way)| way.as_ref().err().filter(|e| matches!(e, HarnessError::TooOld { .. })));
    Err(match older {
        Some(error) => HarnessError::Other(error.to_string()),
        None => {
            let reasons = ways.iter().filter_map(|(_, way)| match way {
                Err(HarnessError::NoBackend(why)) => Some(why.clone()),
                Err(error) => Some(error.to_string()),
                Ok(()) => None,
            });
            HarnessError::NoBackend(reasons.collect::<Vec<_>>().join(", "))
        }
    })
}

async fn look(backend: &str, minimum: u32) -> (Vec<String>, Result<Way, HarnessError>) {
    match backend {
        "url" => look_at_url(minimum).await,
        "container" => look_at_containers(),
        _ => {
            let found = binaries::find();
            let there =
                found.iter().map(|b| format!("PostgreSQL {} in {}", b.version, b.folder.display())).collect();
            (there, binaries::newest(&found, minimum).map(Way::Local))
        }
    }
}

async fn look_at_url(minimum: u32) -> (Vec<String>, Result<Way, HarnessError>) {
    let Some(url) = url::named() else {
        return (Vec::new(), Err(HarnessError::NoBackend("RUNBOOK_DATABASE_URL is not set".into())));
    };
    let examined = {
        let url = url.clone();
        keeper::run(
            async move { url::examine(&url, minimum).await.map(|(url, _, num)| (url.to_string(), num)) },
        )
        .await
    };
    match examined {
        Ok((shown, num)) => {
            (vec![format!("PostgreSQL {}.{} at {shown}", num / 10_000, num % 10_000)], Ok(Way::Url(url)))
        }
        Err(error) => (Vec::new(), Err(error)),
    }
}

fn look_at_containers() -> (Vec<String>, Result<Way, HarnessError>) {
    let engine = match Engine::find() {
        Ok(engine) => engine,
        Err(why) => return (Vec::new(), Err(HarnessError::NoBackend(why))),
    };
    let mut there = vec![format!("{} at {}", engine.version, engine.address)];
    if !engine.is_default {
        let why = format!("{} has to be named: set DOCKER_HOST={}", engine.version, engine.address);
        return (there, Err(HarnessError::NoBackend(why)));
    }
    let image = container::image();
    match engine.has(&image) {
        Ok(how) => {
            there.push(format!("the image {image} {how}"));
            (there, Ok(Way::Container(engine)))
        }
        Err(why) => (there, Err(HarnessError::NoBackend(why))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(why: &str) -> Result<(), HarnessError> {
        Err(HarnessError::NoBackend(why.into()))
    }

    #[test]
    fn auto_takes_the_first_that_works_and_says_what_came_before() {
        let ways = [("url", none("it is not set")), ("container", none("no socket")), ("local", Ok(()))];
        let (chosen, why) = pick("auto", &ways).unwrap();
        assert_eq!(chosen, "local");
        assert_eq!(why, "auto tries it after url (it is not set) and container (no socket)");
    }

    #[test]
    fn no_backend_at_all_is_one_sentence_that_says_what_to_do() {
        let ways = [
            ("url", none("no address is named")),
            ("container", none("no socket is there")),
            ("local", none("no postgres")),
        ];
        assert_eq!(
            pick("auto", &ways).unwrap_err().to_string(),
            "no Postgres can be had: no address is named, no socket is there, no postgres; start Docker or Podman, \
             install PostgreSQL (`make` does it), name its folder in RUNBOOK_PG_BIN, or name a server in \
             RUNBOOK_DATABASE_URL"
        );
    }

    #[test]
    fn an_unknown_backend_is_refused_with_those_that_are_known() {
        let error = pick("cloud", &[("local", Ok(()))]).unwrap_err().to_string();
        assert_eq!(error, "RUNBOOK_BACKEND=cloud is not known: use auto, container, local or url");
    }
}
