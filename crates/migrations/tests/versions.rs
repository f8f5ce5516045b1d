//! One of everything reads the same on every supported version of Postgres.
//!
//! The text is kept as a snapshot, so whichever server the tests run on is compared with those that were tried before.
//! Where this machine has the programs of several versions (all folders of `PATH` are looked at), each is started and
//! asked: `PATH=/opt/pg16/bin:/opt/pg18/bin:$PATH cargo nextest run -p migrations versions`.

use harness::backend::binaries;
use harness::{Database, Server};
use migrations::catalogue::Catalogue;
use runbook::ephemeral::Ephemeral;

pub(crate) const EVERYTHING: &str = include_str!("everything.sql");

/// The folder that `cargo insta review` looks into, since it is a package of its own.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/migrations");

#[tokio::test]
async fn one_of_everything_reads_as_it_was_accepted() {
    let db = Database::empty().await.unwrap();
    let text = text(&db).await;
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(FOLDER);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("everything", text));
}

#[tokio::test]
async fn one_of_everything_reads_the_same_on_every_version_this_machine_has() {
    let mut found = binaries::find();
    found.retain(|binaries| binaries.major >= 15);
    found.dedup_by_key(|binaries| binaries.major);
    // A single version is the other test's.
    if found.len() < 2 {
        return;
    }
    let mut texts: Vec<(String, String)> = Vec::new();
    for binaries in found {
        let version = binaries.version.clone();
        let server = Server::options().binaries(binaries).start().await.unwrap();
        let db = server.create("everything").await.unwrap();
        texts.push((version, text(&db).await));
    }
    let (newest, first) = &texts[0];
    for (version, other) in &texts[1..] {
        let differing: Vec<String> = first
            .lines()
            .zip(other.lines())
            .filter(|(one, two)| one != two)
            .map(|(one, two)| format!("{newest}: {one}\n{version}: {two}"))
            .collect();
        assert!(first == other, "{}", differing.join("\n"));
    }
}

/// The text of one of everything, with a subscription, which must go before its database can.
async fn text(db: &Ephemeral) -> String {
    sqlx::raw_sql(EVERYTHING).execute(db.pool()).await.unwrap();
    let subscription = "CREATE SUBSCRIPTION sub CONNECTION 'host=nowhere password=secret' PUBLICATION few
        WITH (connect = false, slot_name = NONE, enabled = false, create_slot = false, streaming = off)";
    sqlx::raw_sql(subscription).execute(db.pool()).await.unwrap();
    let schemas = ["public".to_owned(), "o\"dd Ünï".to_owned()];
    let mut reader = db.reader().await.unwrap();
    let catalogue = Catalogue::read(&mut reader, &schemas).await.unwrap();
    drop(reader);
    sqlx::raw_sql("DROP SUBSCRIPTION sub").execute(db.pool()).await.unwrap();
    let text = catalogue.text();
    assert!(!text.contains("secret"), "a password is told");
    text
}
