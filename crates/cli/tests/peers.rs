//! The planted defects, and which of them other programs find: `make peers`.
//!
//! Each is asked as its users are told to: all that `pg_amcheck` can check, the actions of `check_postgres` that judge one
//! database by themselves with their own thresholds, and the plain script that a runbook usually has. `same_schema` of
//! `check_postgres` gets what it needs beside: a second database, as the migrations make it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Command, Output};

use harness::Database;
use harness::defects::{self, Defect};
use runbook::verdict::Outcome;
use secrecy::ExposeSecret as _;

use crate::folder::workspace;

/// The suites whose defects are states of a database.
const SUITES: [&str; 3] = ["schema", "integrity", "monitoring"];

/// What a program says of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Fault,
    /// It is not installed, or cannot work.
    NotAsked,
}

/// A program that says whether something is wrong with a database; the other one is as the migrations and seeds make it.
type Peer = (&'static str, fn(&Database, &Database) -> Said);

/// `pg_amcheck` comes last: it installs an extension, which `same_schema` would tell of.
const PEERS: [Peer; 4] = [
    ("the script", script),
    ("check_postgres", check_postgres),
    ("check_postgres same_schema", same_schema),
    ("pg_amcheck", pg_amcheck),
];

mod soak {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "asks programs that not everybody has: `make peers`"]
    async fn each_planted_defect_is_found_whoever_else_finds_it() {
        let clean = Database::seeded().await.unwrap();
        let other = Database::seeded().await.unwrap();
        let mut table = String::from("| defect | ours |");
        for (name, ask) in PEERS {
            write!(table, " {name} |").unwrap();
            assert_ne!(ask(&other, &clean), Said::Fault, "{name} finds fault with the clean database");
        }
        table.push_str(&format!("\n|---{}|\n", "|---".repeat(PEERS.len() + 1)));
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        let defects: Vec<Defect> = SUITES.into_iter().flat_map(defects::of).collect();
        for defect in &defects {
            let db = Database::seeded().await.unwrap();
            defect.plant(&db).await.unwrap();
            assert!(ours(defect, &db).await, "{}", defect.path.display());
            write!(table, "| `{}`: {} | ✔ |", defect.check, defect.plants).unwrap();
            for (name, ask) in PEERS {
                let said = ask(&db, &clean);
                *found.entry(name).or_default() += usize::from(said == Said::Fault);
                let mark = match said {
                    Said::Fault => "✔",
                    Said::Nothing => "",
                    Said::NotAsked => "not asked",
                };
                write!(table, " {mark} |").unwrap();
            }
            table.push('\n');
        }
        write!(table, "| **of {}** | **{0}** |", defects.len()).unwrap();
        for (name, _) in PEERS {
            write!(table, " **{}** |", found[name]).unwrap();
        }
        println!("{table}");
    }
}

/// Whether the defect's own check finds it, if only as advice.
async fn ours(defect: &Defect, db: &Database) -> bool {
    let checks = [schema::checks(), integrity::checks(), monitoring::checks()];
    let check = checks.into_iter().flatten().find(|check| check.id == defect.check).unwrap();
    let verdict = check.run(&db.context()).await;
    verdict.outcome() == Outcome::Fail || !verdict.findings().is_empty()
}

/// A query of the script that returns a row names a fault; one that fails is a fault as well: whoever runs it sees it.
fn script(db: &Database, _: &Database) -> Said {
    let file = workspace().join("crates/integrity/benches/peer.sql");
    let mut psql = program("psql", db);
    match psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-f"]).arg(file).output() {
        Ok(output) if output.status.success() && output.stdout.is_empty() => Said::Nothing,
        Ok(_) => Said::Fault,
        Err(_) => Said::NotAsked,
    }
}

/// Everything that it can check: the rows, the indexes against their rows, and each row found again from the root.
fn pg_amcheck(db: &Database, _: &Database) -> Said {
    let mut amcheck = program("pg_amcheck", db);
    amcheck.args(["--install-missing", "--heapallindexed", "--parent-check", "--rootdescend"]);
    match amcheck.output().map(|output| output.status.code()) {
        Ok(Some(0)) => Said::Nothing,
        Ok(Some(2)) => Said::Fault,
        _ => Said::NotAsked,
    }
}

/// The actions that judge a state and need no figure of their user.
fn check_postgres(db: &Database, _: &Database) -> Said {
    let actions = ["sequence", "disabled_triggers", "txn_wraparound", "autovac_freeze", "backends", "bloat"];
    let said: Vec<Said> = actions.iter().map(|action| nagios(program_of(action, db).output())).collect();
    [Said::Fault, Said::NotAsked].into_iter().find(|worst| said.contains(worst)).unwrap_or(Said::Nothing)
}

fn same_schema(db: &Database, clean: &Database) -> Said {
    let mut check = program_of("same_schema", clean);
    check.arg(format!("--dbname2={}", database(db)));
    nagios(check.output())
}

/// Its exit codes: 0 well, 1 a warning, 2 critical, 3 unknown.
fn nagios(output: std::io::Result<Output>) -> Said {
    match output.map(|output| output.status.code()) {
        Ok(Some(0)) => Said::Nothing,
        Ok(Some(1 | 2)) => Said::Fault,
        _ => Said::NotAsked,
    }
}

fn program_of(action: &str, db: &Database) -> Command {
    let mut check = program("check_postgres", db);
    check.arg(format!("--action={action}")).arg(format!("--dbname={}", database(db)));
    for (option, variable) in [("host", "PGHOST"), ("port", "PGPORT"), ("dbuser", "PGUSER")] {
        if let Some(value) = variables(db).get(variable) {
            check.arg(format!("--{option}={value}"));
        }
    }
    check
}

fn program(name: &str, db: &Database) -> Command {
    let mut command = Command::new(name);
    command.envs(variables(db));
    command
}

fn database(db: &Database) -> String {
    variables(db).remove("PGDATABASE").unwrap()
}

fn variables(db: &Database) -> BTreeMap<&'static str, String> {
    let environment = db.url().libpq_environment().into_iter();
    environment.map(|(name, value)| (name, value.expose_secret().to_owned())).collect()
}
