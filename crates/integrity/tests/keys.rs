//! Unique keys that are counted by their distinct hashes.

use harness::Database;
use runbook::verdict::{Outcome, Verdict};

use crate::support::live;
use crate::swift::asked;
use crate::{execute, verdict};

const UNIQUE: &str = "integrity.constraints.unique";

/// The verdict on the keys, asked together with the other checks of the same tables.
pub async fn proved(db: &Database) -> Verdict {
    let context = live(db).await;
    integrity::ask_together(&context, |_| true);
    verdict(&context, UNIQUE).await
}

/// Rows of a seed came before those that were numbered.
#[tokio::test]
async fn key_that_lies_nearly_in_order_is_counted_on_the_way_and_told_when_it_is_doubled() {
    let statements = [
        "CREATE EXTENSION pg_stat_statements",
        "CREATE TABLE near (code text PRIMARY KEY, size integer CHECK (size > 0), note text NOT NULL)",
        "INSERT INTO near VALUES ('seed', 1, 'x')",
        "INSERT INTO near SELECT 'code_' || lpad(n::text, 8, '0'), n, repeat('note ', 120) FROM generate_series(1, 10000) AS n",
        "VACUUM ANALYZE",
        "CHECKPOINT",
    ];
    let db = Database::made(&statements).await.unwrap();
    let clean = proved(&db).await;
    assert_eq!((clean.outcome(), clean.examined()), (Outcome::Pass, 1), "{clean:?}");
    assert_eq!(asked(&db, "size > %count(code) - count(DISTINCT%hashtextextended((code)").await, 1);
    execute(
        &db,
        "UPDATE pg_index SET indisready = false WHERE indexrelid = 'near_pkey'::regclass; \
         INSERT INTO near VALUES ('seed', 2, 'y'); \
         UPDATE pg_index SET indisready = true WHERE indexrelid = 'near_pkey'::regclass",
    )
    .await;
    let broken = proved(&db).await;
    let [finding] = broken.findings() else { panic!("{broken:?}") };
    assert!(finding.problem.ends_with(r#"code = "seed""#), "{finding:?}");
}

/// Of each type whose hash agrees with its index on what is equal, alone or beside another; of a part of the rows.
const TYPED: &str = "CREATE EXTENSION pg_stat_statements; CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE DOMAIN code AS varchar(20); \
    CREATE TABLE typed (u uuid UNIQUE, n numeric UNIQUE, t timestamptz UNIQUE, p timestamp UNIQUE, d date, i smallint, b char(40) UNIQUE, \
        v varchar(40) UNIQUE, c code UNIQUE, m mood, k bigint CHECK (k > 0), part text, UNIQUE (d, i), UNIQUE (m, k), \
        note text DEFAULT repeat('note ', 120)); \
    CREATE UNIQUE INDEX typed_part ON typed (part) WHERE k > 100; CREATE UNIQUE INDEX typed_lower ON typed (lower(v)); \
    INSERT INTO typed SELECT md5(n::text)::uuid, n * 7919 % 10007 + 0.5, CASE n WHEN 1 THEN '-infinity' WHEN 2 THEN 'infinity' \
        ELSE '2026-01-01'::timestamptz + n * interval '1 hour' END, '2026-01-01'::timestamp - n * interval '1 s', \
        '2026-01-01'::date + n / 100, n % 100, md5('b' || n), 'V' || md5('v' || n), 'c' || n, \
        CASE n % 2 WHEN 0 THEN 'glad'::mood ELSE 'sad' END, n, CASE WHEN n > 100 THEN 'p' || n ELSE 'same' END \
    FROM generate_series(1, 10000) AS n; INSERT INTO typed (k) VALUES (1), (1); VACUUM ANALYZE; CHECKPOINT";

#[tokio::test]
async fn keys_of_each_type_are_counted_and_told_when_they_are_doubled() {
    let statements: Vec<&str> = TYPED.split("; ").collect();
    let db = Database::made(&statements).await.unwrap();
    let clean = proved(&db).await;
    assert_eq!((clean.outcome(), clean.examined()), (Outcome::Pass, 11), "{clean:?}");
    // Eleven keys in one pass, and none of them by itself.
    let counted = "k > %".to_owned() + &"count(DISTINCT%".repeat(11);
    assert_eq!((asked(&db, &counted).await, asked(&db, "ONLY public.typed WHERE").await), (1, 0));
    // One that is written otherwise, and is the same.
    let ready = |ready: bool| {
        format!("UPDATE pg_index SET indisready = {ready} WHERE indrelid = 'typed'::regclass AND indisunique")
    };
    let plant = "UPDATE typed AS a SET u = b.u, n = (b.n::text || '00')::numeric, t = b.t, p = b.p, d = b.d, i = b.i, \
                 b = rtrim(b.b) || '   ', v = b.v, c = b.c, m = b.m, k = b.k, part = b.part FROM typed AS b WHERE a.k = 9000 AND b.k = 5000";
    execute(&db, &format!("BEGIN; {}; {plant}; {}; COMMIT", ready(false), ready(true))).await;
    let broken = proved(&db).await;
    let objects: Vec<&str> = broken.findings().iter().map(|finding| finding.object.as_str()).collect();
    assert_eq!(objects.len(), 11, "{broken:#?}");
    assert!(
        broken.findings().iter().all(|finding| finding.problem.starts_with("1 key on more than one row"))
    );
}
