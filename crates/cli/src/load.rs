//! `runbook load`: rows for any schema, worked out from its catalogue.

use std::time::Duration;

use harness::loader::{self, Derived, Loaded, Progress};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use runbook::grant::WriteGrant;
use runbook::report::counted;
use runbook::secret::DatabaseUrl;
use sqlx::{Connection as _, PgConnection};

use crate::arguments::{Global, Load};
use crate::failure::{Exit, Failure};
use crate::screen::Screen;
use crate::settings;

/// Fills tables, or prints how it would.
pub(crate) async fn load(command: &Load, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let settings = settings::load(global)?.settings;
    let schemas =
        if command.schema.is_empty() { settings.database.schemas.clone() } else { command.schema.clone() };
    let own;
    let url = match &command.database_url {
        Some(text) => {
            let url = DatabaseUrl::parse(text).map_err(Failure::said)?;
            if !command.print {
                allowed(&url)?;
            }
            url
        }
        None => {
            harness::use_settings(std::sync::Arc::new(settings));
            own = harness::Database::migrated().await.map_err(Failure::said)?;
            own.url().clone()
        }
    };
    let options = url.connect_options().application_name("runbook");
    let connecting = PgConnection::connect_with(&options);
    let mut connection = connecting
        .await
        .map_err(|error| Failure::said(format!("{url}: {}", runbook::context::describe(&error))))?;
    let derived = loader::derive(&mut connection, &schemas, &command.table, command.rows).await;
    let derived = derived.map_err(Failure::said)?;
    if command.print {
        screen.print(&derived.text);
        return Ok(Exit::Go);
    }
    // Asked before the first row is written: a server whose disk is full stops for everybody.
    let size =
        loader::estimate_derived(&mut connection, &derived, command.rows).await.map_err(Failure::said)?;
    loader::room(&mut connection, &size).await.map_err(Failure::said)?;
    let bar = Bar::new(screen);
    let started = std::time::Instant::now();
    let loaded = loader::fill(&mut connection, &derived, command.rows, &bar).await;
    bar.bar.finish_and_clear();
    let loaded = loaded.map_err(Failure::said)?;
    let _ = connection.close().await;
    told(screen, &url, &derived, &loaded, started.elapsed());
    Ok(Exit::Go)
}

/// A database that somebody gave is written to only when the command line says its name.
fn allowed(url: &DatabaseUrl) -> Result<(), Failure> {
    let options = url.connect_options();
    let name = options.get_database().unwrap_or(options.get_username());
    match WriteGrant::from_command_line(name) {
        Some(_) => Ok(()),
        None => Err(Failure::said(format!(
            "{url} is not a database of ours, and rows are written to it only with --allow-writes {name}; --print shows \
             what would be written"
        ))),
    }
}

fn told(screen: &Screen, url: &DatabaseUrl, derived: &Derived, loaded: &Loaded, took: Duration) {
    let rows: u64 = loaded.tables.iter().map(|(_, rows)| rows).sum();
    if screen.json {
        let tables: Vec<_> =
            derived.tables.iter().zip(&loaded.tables).map(|(table, (_, rows))| (table, rows)).collect();
        let value = serde_json::json!({
            "tables": tables, "rows": rows, "bytes": loaded.bytes, "seconds": took.as_secs_f64(),
        });
        screen.print(&format!("{value}\n"));
        return;
    }
    for (table, (_, rows)) in derived.tables.iter().zip(&loaded.tables) {
        screen.row(&format!("  {table}  {} rows\n", HumanCount(*rows)));
    }
    screen.print(&format!(
        "{} rows of {}, {}, in {:.1} s: {url}\n",
        HumanCount(rows),
        counted(loaded.tables.len(), "tables"),
        HumanBytes(loaded.bytes),
        took.as_secs_f64()
    ));
}

/// The bar of a load.
struct Bar {
    bar: ProgressBar,
}

impl Bar {
    fn new(screen: &Screen) -> Self {
        let bar = if screen.watched { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let template = "{spinner} {bar:24} {human_pos}/{human_len} rows  {per_sec}  {eta}  {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(if screen.style.unicode { style } else { style.progress_chars("=> ") });
        }
        Self { bar }
    }
}

impl Progress for Bar {
    fn rows(&self, sent: u64, of: u64) {
        self.bar.set_length(of);
        self.bar.set_position(sent);
    }

    fn phase(&self, words: &str) {
        self.bar.set_message(words.to_owned());
    }
}
