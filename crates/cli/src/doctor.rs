//! `runbook doctor`: which Postgres a rehearsal would use, why, and what is missing.

use crate::arguments::Global;
use crate::failure::{Exit, Failure};
use crate::screen::Screen;

/// Prints what was found. Status 2 where nothing can be used.
#[cfg(feature = "rehearse")]
pub(crate) async fn doctor(global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    use std::fmt::Write as _;

    let system = crate::settings::load(global)?;
    let fixtures = system.settings.root.display().to_string();
    harness::use_settings(std::sync::Arc::new(system.settings));
    let survey = harness::backend::survey().await.map_err(Failure::said)?;
    if screen.json {
        let found: Vec<serde_json::Value> = survey
            .found
            .iter()
            .map(|way| serde_json::json!({ "backend": way.backend, "there": way.there, "missing": way.missing }))
            .collect();
        let value = serde_json::json!({
            "wanted": survey.wanted, "chosen": survey.chosen, "why": survey.why, "found": found, "fixtures": fixtures,
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
        let _ = match survey.chosen {
            Some(chosen) => writeln!(page, "\nchosen     {chosen}: {}", survey.why),
            None => writeln!(page, "\n{no} {}", survey.why),
        };
        screen.print(&page);
    }
    Ok(if survey.chosen.is_some() { Exit::Go } else { Exit::Usage })
}

/// Without the feature there is nothing to look for.
#[cfg(not(feature = "rehearse"))]
pub(crate) async fn doctor(_: &Global, _: &Screen) -> Result<Exit, Failure> {
    Err(Failure::said(
        "this program was built without the feature `rehearse`, so that it starts no Postgres at all",
    ))
}
