//! `runbook doctor`: which Postgres a rehearsal would use, why, and what is missing.

use crate::arguments::Global;
use crate::failure::{Exit, Failure};
use crate::screen::Screen;

/// Prints what was found. Status 2 where nothing can be used.
#[cfg(feature = "rehearse")]
pub(crate) async fn doctor(global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    use std::fmt::Write as _;

    let system = crate::settings::load(global)?;
    let settings = std::sync::Arc::new(system.settings);
    let fixtures = settings.root.display().to_string();
    let programs = programs(&settings).await;
    harness::use_settings(settings);
    let survey = harness::backend::survey().await.map_err(Failure::said)?;
    if screen.json {
        let found: Vec<serde_json::Value> = survey
            .found
            .iter()
            .map(|way| serde_json::json!({ "backend": way.backend, "there": way.there, "missing": way.missing }))
            .collect();
        let value = serde_json::json!({
            "wanted": survey.wanted, "chosen": survey.chosen, "why": survey.why, "found": found, "fixtures": fixtures,
            "programs": programs.iter().map(Tool::json).collect::<Vec<_>>(),
        });
        screen.print(&format!("{value:#}\n"));
    } else {
        let (yes, no, none) = if screen.style.unicode { ("✔", "✘", "–") } else { ("+", "x", "-") };
        let mut page = format!("fixtures   {fixtures}\nwanted     {} (RUNBOOK_BACKEND)\n\n", survey.wanted);
        for way in &survey.found {
            let mark = if survey.chosen == Some(way.backend) { yes } else { none };
            let _ = writeln!(page, "{mark} {}", way.backend);
            for line in &way.there {
                let _ = writeln!(page, "    {line}");
            }
            if let Some(missing) = &way.missing {
                let _ = writeln!(page, "    missing: {missing}");
            }
        }
        page.push('\n');
        for tool in &programs {
            let mark = if tool.found.is_ok() { yes } else { none };
            let _ = match &tool.found {
                Ok(there) => writeln!(page, "{mark} {:<9}{there} ({})", tool.name, tool.purpose),
                Err(why) => writeln!(page, "{mark} {:<9}missing, for {}: {why}", tool.name, tool.purpose),
            };
        }
        if screen.quiet {
            page.clear();
        }
        let _ = match survey.chosen {
            Some(chosen) => writeln!(page, "\nchosen     {chosen}: {}", survey.why),
            None => writeln!(page, "\n{no} {}", survey.why),
        };
        screen.print(if screen.quiet { page.trim_start() } else { &page });
    }
    Ok(if survey.chosen.is_some() { Exit::Go } else { Exit::Usage })
}

/// A program beside the server, and what needs it.
#[cfg(feature = "rehearse")]
struct Tool {
    name: &'static str,
    purpose: &'static str,
    /// Version and place; or why there is none, and what to do.
    found: Result<String, String>,
}

#[cfg(feature = "rehearse")]
impl Tool {
    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name, "purpose": self.purpose,
            "found": self.found.as_ref().ok(), "missing": self.found.as_ref().err(),
        })
    }
}

/// Each folder once, whatever links lead to it.
#[cfg(feature = "rehearse")]
fn distinct(found: &[recovery::programs::Programs]) -> impl Iterator<Item = &recovery::programs::Programs> {
    let mut seen = std::collections::HashSet::new();
    found.iter().filter(move |programs| {
        seen.insert(programs.folder.canonicalize().unwrap_or_else(|_| programs.folder.clone()))
    })
}

/// The programs that the procedure runs.
#[cfg(feature = "rehearse")]
async fn programs(settings: &runbook::settings::Settings) -> Vec<Tool> {
    let dumps = match recovery::programs::Programs::installed().await {
        Ok(found) if found.is_empty() => {
            Err("install the PostgreSQL client programs, or name their folder in RUNBOOK_PG_CLIENTS"
                .to_owned())
        }
        Ok(found) => Ok(distinct(&found)
            .map(|programs| format!("{} in {}", programs.version, programs.folder.display()))
            .collect::<Vec<_>>()
            .join(", ")),
        Err(error) => Err(error.to_string()),
    };
    let alembic = migrations::alembic::Program::find(&settings.root).and_then(|program| {
        let version = program.version(std::time::Duration::from_secs(20))?;
        Ok(format!("{version} at {}", program.path().display()))
    });
    vec![
        Tool { name: "pg_dump", purpose: "backups and the rollback", found: dumps },
        Tool {
            name: "alembic",
            purpose: "--tool alembic, and the proof that both tools make one schema",
            found: alembic.map_err(|error| error.to_string()),
        },
    ]
}

/// Without the feature there is nothing to look for.
#[cfg(not(feature = "rehearse"))]
pub(crate) async fn doctor(_: &Global, _: &Screen) -> Result<Exit, Failure> {
    Err(Failure::said(
        "this program was built without the feature `rehearse`, so that it starts no Postgres at all",
    ))
}
