//! A role that may not read is told which grant it lacks; nothing passes unseen.

use harness::Database;
use runbook::context::Database as Target;
use runbook::ephemeral::Ephemeral;
use runbook::verdict::Outcome;

use crate::{execute, verdicts};

#[tokio::test]
async fn role_without_rights_measures_what_it_can_and_passes_nothing_else() {
    let db = Database::seeded().await.unwrap();
    // A role that every server has, taken on by each new session of this database: nothing stays on the server.
    let become_another =
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET role = pg_monitor', current_database()); END$$";
    execute(&db, become_another).await;
    let mut context = db.context();
    let limits = context.settings.limits.reading();
    context.database = Target::Ephemeral(Ephemeral::adopt(db.url().clone(), limits).await.unwrap());
    let verdicts = verdicts(&context).await;
    for id in ["schema.migrations.head", "schema.catalogue.drift", "schema.sequences.exhaustion"] {
        assert_eq!(verdicts[id].outcome(), Outcome::NotMeasured, "{id}: {:?}", verdicts[id]);
    }
    let reason = verdicts["schema.migrations.head"].reason().unwrap();
    assert_eq!(reason, "permission denied for table _sqlx_migrations (SQLSTATE 42501)");
    let reason = verdicts["schema.sequences.exhaustion"].reason().unwrap();
    assert!(reason.contains("GRANT SELECT ON SEQUENCE public."), "{reason}");
    for id in ["schema.indexes.valid", "schema.constraints.validated", "schema.foreign_keys.covered"] {
        assert_eq!(verdicts[id].outcome(), Outcome::Pass, "{id}: {:?}", verdicts[id]);
    }
}
