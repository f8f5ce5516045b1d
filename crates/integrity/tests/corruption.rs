//! Pages that were changed on disk, with and without a checksum that tells.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use harness::{Server, ServerOptions};
use runbook::context::{Context, Database as Target};
use runbook::live::Live;
use runbook::verdict::{Outcome, Verdict};

use crate::verdicts;

const SCHEMA: &str = "CREATE EXTENSION amcheck; CREATE TABLE kept (id integer PRIMARY KEY CHECK (id > 0)); \
    CREATE TABLE broken (id integer PRIMARY KEY CHECK (id > 0), kept integer REFERENCES kept, note text); \
    INSERT INTO kept SELECT generate_series(1, 2000); \
    INSERT INTO broken SELECT n, n, repeat('note ', 10) FROM generate_series(1, 2000) AS n; CHECKPOINT";

/// Verdicts on a database in which the bytes at `offset` of a relation's second page are others than the server wrote.
async fn after(
    options: ServerOptions,
    relation: &str,
    offset: u64,
) -> std::collections::BTreeMap<&'static str, Verdict> {
    let mut server = options.start().await.unwrap();
    let ephemeral = server.create("app").await.unwrap();
    server.execute("app", SCHEMA).await.unwrap();
    let path: String = sqlx::query_scalar("SELECT pg_relation_filepath($1::text::regclass)")
        .bind(relation)
        .fetch_one(ephemeral.pool())
        .await
        .unwrap();
    ephemeral.pool().close().await;
    server.stop().await.unwrap();
    flip(server.data().join(path), 8192 + offset);
    server.restart().await.unwrap();
    verdicts(&context(&server).await).await
}

async fn context(server: &Server) -> Context {
    let mut settings = (*harness::settings()).clone();
    settings.integrity.rules = None;
    let live = Live::connect(&server.url("app").unwrap(), settings.limits.reading()).await.unwrap();
    Context::new(std::sync::Arc::new(settings), Target::Live(live))
}

fn flip(path: PathBuf, at: u64) {
    let mut file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let mut bytes = [0; 8];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut bytes).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&bytes.map(|byte| byte ^ 0x5a)).unwrap();
}

fn failing(verdicts: &std::collections::BTreeMap<&'static str, Verdict>) -> Vec<(&'static str, String)> {
    let failing = verdicts.iter().filter(|(_, verdict)| verdict.outcome() == Outcome::Fail);
    failing.map(|(id, verdict)| (*id, verdict.findings()[0].object.clone())).collect()
}

#[tokio::test]
async fn heap_page_with_a_wrong_checksum_fails_the_heap_and_hinders_only_claims_about_it() {
    let verdicts = after(Server::options(), "broken", 4000).await;
    let failing = failing(&verdicts);
    assert!(failing.contains(&("integrity.corruption.heap", "public.broken".into())), "{failing:?}");
    assert!(failing.contains(&("integrity.corruption.checksums", "app".into())), "{failing:?}");
    // The index's entries cannot be compared with a heap that cannot be read: that too is corruption.
    assert!(failing.iter().all(|(id, _)| id.starts_with("integrity.corruption.")), "{failing:?}");
    let check = &verdicts["integrity.constraints.check"];
    assert_eq!(check.outcome(), Outcome::NotMeasured, "{check:?}");
    assert!(
        check.reason().unwrap().starts_with("broken_id_check ON public.broken: invalid page"),
        "{check:?}"
    );
    assert!(!check.reason().unwrap().contains("more)"), "the other table was proved: {check:?}");
}

#[tokio::test]
async fn line_pointers_that_make_no_sense_are_found_where_no_checksum_tells() {
    // The line pointers begin after the 24 bytes of the page's header.
    let verdicts = after(Server::options().setting("ignore_checksum_failure", "on"), "broken", 24).await;
    let heap = &verdicts["integrity.corruption.heap"];
    assert_eq!(heap.outcome(), Outcome::Fail, "{heap:?}");
    assert_eq!(heap.findings()[0].object, "public.broken");
}

#[tokio::test]
async fn btree_page_that_was_changed_fails_its_index_and_no_claim_about_rows() {
    let verdicts = after(Server::options(), "broken_pkey", 4000).await;
    let failing = failing(&verdicts);
    assert!(failing.contains(&("integrity.corruption.btree", "public.broken_pkey".into())), "{failing:?}");
    assert!(failing.iter().all(|(id, _)| id.starts_with("integrity.corruption.")), "{failing:?}");
    for id in
        ["integrity.foreign_keys.orphans", "integrity.constraints.check", "integrity.constraints.unique"]
    {
        assert_eq!(verdicts[id].outcome(), Outcome::Pass, "{id}: {:?}", verdicts[id]);
    }
}

/// Scans along an index would still see the row, and amcheck finds nothing wrong with either.
#[tokio::test]
async fn row_that_the_visibility_map_shows_after_it_was_deleted_fails_the_heap() {
    let mut server = Server::options().start().await.unwrap();
    let ephemeral = server.create("app").await.unwrap();
    for statements in [SCHEMA, "CREATE EXTENSION pg_visibility", "VACUUM kept", "CHECKPOINT"] {
        server.execute("app", statements).await.unwrap();
    }
    let path: String = sqlx::query_scalar("SELECT pg_relation_filepath('kept') || '_vm'")
        .fetch_one(ephemeral.pool())
        .await
        .unwrap();
    let map = server.data().join(path);
    let before = std::fs::read(&map).unwrap();
    server
        .execute("app", "SET session_replication_role = replica; DELETE FROM kept WHERE id = 7")
        .await
        .unwrap();
    ephemeral.pool().close().await;
    server.stop().await.unwrap();
    assert_ne!(std::fs::read(&map).unwrap(), before, "the server noted that a row went");
    std::fs::write(&map, before).unwrap();
    server.restart().await.unwrap();
    let verdicts = verdicts(&context(&server).await).await;
    assert_eq!(
        failing(&verdicts),
        [
            ("integrity.corruption.heap", "public.kept".into()),
            ("integrity.foreign_keys.orphans", "broken_kept_fkey ON public.broken".into())
        ]
    );
    let finding = &verdicts["integrity.corruption.heap"].findings()[0];
    assert!(finding.problem.contains("that the visibility map calls seen by all"), "{finding:?}");
    // What mends it, does.
    let mend = "SELECT public.pg_truncate_visibility_map('public.kept')";
    assert!(finding.remedy.starts_with(mend), "{finding:?}");
    server.execute("app", mend).await.unwrap();
    server.execute("app", "VACUUM public.kept").await.unwrap();
    let mended = crate::verdict(&context(&server).await, "integrity.corruption.heap").await;
    assert_eq!(mended.outcome(), Outcome::Pass, "{mended:?}");
}
