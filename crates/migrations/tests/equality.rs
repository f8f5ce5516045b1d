//! Both tools lead to the same catalogue and the same reference rows, revision by revision, up and down.

use std::process::Stdio;

use harness::Database;
use migrations::alembic::Program;
use migrations::catalogue::Catalogue;
use runbook::ephemeral::Ephemeral;
use runbook::settings::MigrationTool;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// One alembic process for all the steps: each line is a step, and is answered when it is done.
const STEPS: &str = "
import sys
from alembic import command
from alembic.config import Config
config = Config(sys.argv[1])
for line in sys.stdin:
    getattr(command, line.split()[0])(config, line.split()[1])
    print('done', flush=True)
";

struct Alembic {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Alembic {
    fn start(database: &Ephemeral) -> Self {
        let settings = harness::settings();
        let folder = settings.path(settings.migrations.alembic.as_ref().unwrap());
        let program = Program::find(&settings.root).unwrap();
        let mut child = Command::new(program.python())
            .arg("-c")
            .arg(STEPS)
            .arg(folder.join("alembic.ini"))
            .current_dir(&folder)
            .env("DATABASE_URL", database.url().expose())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, input, output }
    }

    async fn step(&mut self, step: &str) {
        self.input.write_all(format!("{step}\n").as_bytes()).await.unwrap();
        let answer = self.output.next_line().await.unwrap();
        assert_eq!(answer.as_deref(), Some("done"), "alembic {step} failed; see its own words above");
    }
}

#[tokio::test]
async fn sqlx_and_alembic_agree_on_every_revision_up_and_down() {
    let (ours, theirs) = (Database::empty().await.unwrap(), Database::empty().await.unwrap());
    let settings = harness::settings();
    let migrator = migrations::open_with(&settings, MigrationTool::Sqlx).unwrap();
    let ids: Vec<&str> = migrator.history().iter().map(|revision| revision.id.as_str()).collect();
    assert!(ids.len() > 1);
    let mut alembic = Alembic::start(&theirs);
    let mut heights = vec![read(&ours).await];
    for id in &ids {
        migrator.upgrade(ours.url(), id).await.unwrap();
        alembic.step(&format!("upgrade {id}")).await;
        let catalogue = read(&ours).await;
        agree(&catalogue, &read(&theirs).await, &format!("up to {id}"));
        heights.push(catalogue);
    }
    assert_eq!(rows(&ours).await, rows(&theirs).await);
    for (at, id) in ids.iter().enumerate().rev() {
        let below = at.checked_sub(1).map(|below| ids[below]);
        migrator.downgrade(ours.url(), below).await.unwrap();
        alembic.step(&format!("downgrade {}", below.unwrap_or("base"))).await;
        let catalogue = read(&ours).await;
        agree(&catalogue, &read(&theirs).await, &format!("down from {id}"));
        agree(&heights[at], &catalogue, &format!("before and after {id}"));
    }
}

async fn read(database: &Ephemeral) -> Catalogue {
    let mut reader = database.reader().await.unwrap();
    Catalogue::read(&mut reader, &harness::settings().database.schemas).await.unwrap()
}

#[track_caller]
fn agree(left: &Catalogue, right: &Catalogue, when: &str) {
    let differences: Vec<String> = Catalogue::diff(left, right).iter().map(ToString::to_string).collect();
    assert!(differences.is_empty(), "{when}:\n{}", differences.join("\n"));
    assert_eq!(left.fingerprint(), right.fingerprint(), "{when}");
}

/// The reference rows as text.
async fn rows(database: &Ephemeral) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT r::text FROM (
            SELECT to_jsonb(t) AS r FROM calibration_constants AS t
            UNION ALL SELECT to_jsonb(t) FROM pricing_configs AS t
            UNION ALL SELECT to_jsonb(t) FROM material_catalog AS t
            UNION ALL SELECT to_jsonb(t) FROM code_references AS t
        ) AS rows ORDER BY 1",
    )
    .fetch_all(database.pool())
    .await
    .unwrap()
}
