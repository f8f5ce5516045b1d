//! alembic's SQL, taken both ways.

use std::sync::Arc;

use runbook::settings::MigrationTool;
use runbook::verdict::Outcome;
use schema::hazards::Runs;
use schema::hazards::alembic::Capture;
use schema::hazards::steps::{of_settings, parse};

use super::{errors, told};
use crate::{as_by_alembic, verdict};

#[tokio::test]
async fn written_and_sent_statements_of_a_revision_are_both_taken() {
    let db = as_by_alembic("004").await;
    let mut settings = (*harness::settings()).clone();
    settings.migrations.tool = MigrationTool::Alembic;
    let capture = Capture::of(&settings).unwrap();
    let written = capture.offline(&[(Some("004"), "005")]).await.unwrap().remove(0).unwrap();
    let sent = capture.sent(db.url(), Some("004"), "005").await.unwrap();
    for (text, how) in [(&written, "written"), (&sent, "sent")] {
        assert!(text.contains("BEGIN;") && text.contains("COMMIT;"), "{how}: {text}");
        let script = parse("005.py".as_ref(), text.clone(), Runs::AsWritten).unwrap();
        let found = told(&settings, &script);
        let rules = errors(&found);
        assert!(
            rules.contains(&"index-not-concurrent") && rules.contains(&"foreign-key-validated"),
            "{how}: {rules:?}"
        );
    }
    // What is sent also asks the database where it stands.
    assert!(sent.contains("SELECT") && !sent.contains("%("), "{sent}");
}

#[tokio::test]
async fn pending_revisions_of_alembic_are_judged_like_files() {
    let db = as_by_alembic("006").await;
    let mut context = db.context();
    let mut settings = (*context.settings).clone();
    settings.migrations.tool = MigrationTool::Alembic;
    let steps = of_settings(&settings, Some("004")).await.unwrap();
    let pending: Vec<&str> = steps.iter().filter(|step| step.pending).map(|step| step.id.as_str()).collect();
    assert_eq!(pending, ["005", "006", "007"]);
    // Values without a literal form: --sql cannot write them, and they are sent all the same.
    let unwritten: Vec<&str> =
        steps.iter().filter(|step| step.unwritten.is_some()).map(|step| step.id.as_str()).collect();
    assert_eq!(unwritten, ["004"]);
    context.scratch = None;
    context.settings = Arc::new(settings);
    let verdict = verdict(&context, "schema.hazards.static").await;
    assert_eq!(verdict.outcome(), Outcome::Pass, "{verdict:?}");
    assert_eq!(verdict.summary(), Some("1 pending · 3 applied ones would not pass"), "{verdict:?}");
}

/// Marks that would end a text are text as well, in a comment say; and an env.py may print what it likes.
#[tokio::test]
async fn a_revision_is_taken_whole_whatever_its_comments_say() {
    let mut settings = (*harness::settings()).clone();
    let folder = tempfile::tempdir().unwrap();
    let from = settings.path(settings.migrations.alembic.as_ref().unwrap());
    let to = folder.path().join("alembic");
    std::fs::create_dir_all(to.join("versions")).unwrap();
    for name in ["alembic.ini", "env.py", "script.py.mako"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let env = std::fs::read_to_string(from.join("env.py")).unwrap();
    std::fs::write(to.join("env.py"), format!("print('-- captured')\n{env}")).unwrap();
    let text = "from alembic import op\nrevision = '001'\ndown_revision = None\n\ndef upgrade():\n    \
        op.execute(\"SELECT 'é'\\n-- end\\n-- captured\\n-- failed\\n+ 1\")\n\ndef downgrade():\n    pass\n";
    std::fs::write(to.join("versions/001_x.py"), text).unwrap();
    settings.migrations.alembic = Some(to);
    let mut written = Capture::of(&settings).unwrap().offline(&[(None, "001")]).await.unwrap();
    let sql = written.remove(0).unwrap();
    assert!(sql.contains("SELECT 'é'\n-- end\n-- captured\n-- failed\n+ 1;"), "{sql}");
}
