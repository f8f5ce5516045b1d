//! A second implementation, with other habits: FastAPI on the same schema. Nothing depends on the first one's ways.

use harness::Database;
use harness::service::Service;
use runbook::context::{Api, Context};
use runbook::settings::{MigrationTool, ServiceStart};
use runbook::verdict::Outcome;
use secrecy::SecretString;
use smoke::AdminToken;

/// How it is started; `make setup` prepares its Python.
fn start() -> ServiceStart {
    let folder = harness::fixtures_folder().canonicalize().unwrap();
    let python = folder.parent().unwrap().join(".venv/bin/python");
    assert!(python.exists(), "{} is not there: run `scripts/setup fastapi`", python.display());
    let mut start = harness::settings().api.start.clone().unwrap();
    start.package = None;
    start.program = Some(python.display().to_string());
    start.arguments.insert(0, folder.join("second-api/service.py").display().to_string());
    start
}

async fn second(db: &Database) -> (Service, Context) {
    let service = Service::start(&start(), db.url()).await.unwrap();
    let mut context = db.context();
    context.api = Some(Api { base_url: service.base_url() });
    context.stash.put(AdminToken(SecretString::from(service.token())));
    (service, context)
}

/// The schema as alembic makes it, with the rows of every seeded database.
async fn by_alembic() -> Database {
    let db = Database::empty().await.unwrap();
    let settings = harness::settings();
    let migrator = migrations::open_with(&settings, MigrationTool::Alembic).unwrap();
    let newest = migrator.history().last().unwrap().id.clone();
    migrator.upgrade(db.url(), &newest).await.unwrap();
    for seed in &settings.data.seeds {
        let rows = std::fs::read_to_string(settings.path(seed)).unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(db.pool()).await.unwrap();
    }
    db
}

#[tokio::test]
async fn the_same_contract_holds_for_a_second_implementation() {
    let db = by_alembic().await;
    let (service, context) = second(&db).await;
    let mut wrong = Vec::new();
    for check in smoke::checks() {
        let verdict = check.run(&context).await;
        if verdict.outcome() != Outcome::Pass {
            wrong.push(format!("{}: {:?} {:#?}", check.id, verdict.reason(), verdict.findings()));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), service.output());
}
