//! The command line.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{ArgGroup, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

/// Carries out a deployment runbook: rehearses it on an ephemeral database, or verifies a live one.
#[derive(Debug, Parser)]
#[command(
    name = "runbook",
    version,
    max_term_width = 100,
    after_help = "Examples:
  runbook rehearse                         the whole deployment and its rollback
  runbook verify --target staging          every check that only reads, on staging
  runbook report target/runbook/report.json --html > report.html

Exit status: 0 go · 1 no-go · 2 usage or configuration · 3 a required check was not measured · 130 interrupted"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// The command line of this process. What it says wins over the environment, which clap would call a conflict.
    pub(crate) fn given() -> Self {
        let mut arguments = Self::parse();
        let (name, target, url) = match &mut arguments.command {
            Command::Verify(verify) => ("verify", &mut verify.target, &verify.database_url),
            Command::Describe(describe) => ("describe", &mut describe.target, &describe.database_url),
            _ => return arguments,
        };
        if target.is_none() && url.is_none() {
            *target = std::env::var("RUNBOOK_TARGET").ok().filter(|name| !name.is_empty());
            if target.is_none() {
                let said = "name the database: --target NAME, --database-url URL, or RUNBOOK_TARGET";
                let mut whole = Self::command();
                whole.build();
                let command = whole.find_subcommand_mut(name).map(|command| command.clone());
                command.unwrap_or(whole).error(ErrorKind::MissingRequiredArgument, said).exit();
            }
        }
        arguments
    }
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The folder of the system under deployment: it holds runbook.toml [default: ./fixtures, then the workspace's]
    #[arg(long, global = true, value_name = "DIR", env = "RUNBOOK_FIXTURES")]
    pub(crate) fixtures: Option<PathBuf>,
    /// Print little: the verdict with its reasons, the ids of `list`, what `doctor` chose
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Print JSON and nothing else
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No colours (NO_COLOR does the same)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Show every check under its line; twice: what goes on behind it
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Carry out the whole runbook on an ephemeral database, and its rollback
    Rehearse(Rehearse),
    /// Run the checks that only read, on a live database
    Verify(Verify),
    /// Say which Postgres a rehearsal would use, why, and what is missing
    Doctor,
    /// Ask the API what its contract says, and look at the rows behind the answers; or put a load on it
    Smoke(crate::smoke::Smoke),
    /// List every check: what it proves, the runbook's words, where it may run and where it must
    List,
    /// Draw a stored report again
    Report(Redraw),
    /// Say what migrations would do to a busy database: told from their text, and measured on a copy
    Hazards(Hazards),
    /// Describe a table, view, type or function of a live database, as \d+ does
    Describe(Describe),
    /// Say what differs between two databases, or a database and its migrations, and what would mend it
    Diff(Diff),
    /// Fill tables with generated rows that keep their types, keys and checks
    Load(Load),
    /// Draw a critical query's plan with its time and buffers, and propose an index where one is missing
    Explain(Explain),
}

/// `runbook describe`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("where"),
    after_help = "Examples:
  runbook describe projects --target staging
  runbook describe 'sales.\"Odd name\"' --database-url postgres://reader@db.example/app"
)]
pub(crate) struct Describe {
    /// Its name, with its schema unless that is the system's first
    #[arg(value_name = "TABLE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// A target of runbook.toml: [targets.NAME] [env: RUNBOOK_TARGET]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), group = "where")]
    pub(crate) target: Option<String>,
    /// The address of a database; its password is better kept in PGPASSWORD or ~/.pgpass
    #[arg(long, value_name = "URL", group = "where")]
    pub(crate) database_url: Option<String>,
}

/// `runbook diff`
#[derive(Debug, Args)]
#[command(after_help = "Each side is an address, a target of runbook.toml, or what a tool's migrations make.

Examples:
  runbook diff sqlx staging                what somebody changed on staging by hand
  runbook diff sqlx@006 alembic@006        whether both tools make the same
  runbook diff staging production --sql    the statements that make production like staging

Exit status: 0 equal · 1 different · 2 usage or configuration")]
pub(crate) struct Diff {
    /// As it should be: postgres://…, TARGET, sqlx[@REV] or alembic[@REV]
    #[arg(value_name = "A")]
    pub(crate) a: String,
    /// As it is
    #[arg(value_name = "B")]
    pub(crate) b: String,
    /// Print the statements that make B like A, in the order in which they can be run, and nothing else
    #[arg(long)]
    pub(crate) sql: bool,
    /// Leave out owners, grants and default privileges
    #[arg(long)]
    pub(crate) no_access: bool,
}

/// `runbook load`
#[derive(Debug, Args)]
#[cfg_attr(not(feature = "rehearse"), allow(dead_code, reason = "read by the feature that is off"))]
#[command(after_help = "Examples:
  runbook load --rows 10000 --print > dataset.toml
  runbook load --rows 100000 --database-url postgres://me@localhost/shop --allow-writes shop
  runbook load --rows 5000 --table orders --table order_lines --database-url … --allow-writes shop

All rows are written in one transaction, with every index and check in place. Without --database-url they go to an \
ephemeral database that is gone when the program ends: a way to see whether they can be made. The tables in which the \
migrations keep their history are left out.")]
pub(crate) struct Load {
    /// How many rows each table gets
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rows: u64,
    /// A table: NAME or SCHEMA.NAME; may be given several times [default: all]
    #[arg(long, value_name = "TABLE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) table: Vec<String>,
    /// A schema; may be given several times [default: runbook.toml's]
    #[arg(long, value_name = "SCHEMA", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) schema: Vec<String>,
    /// The address of the database; its password is better kept in PGPASSWORD or ~/.pgpass
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Allow writes to the database of this name
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), requires = "database_url")]
    pub(crate) allow_writes: Option<String>,
    /// Print the data set instead, as a file for [data] generate
    #[arg(long)]
    pub(crate) print: bool,
}

/// `runbook explain`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runbook explain                                        which queries there are
  runbook explain projects_by_status_100                 on an ephemeral database with generated rows, executed
  runbook explain project_by_id --scale 1000000          on a million rows, kept for the next time
  runbook explain project_by_id --target staging         the plan alone: nothing is executed
  runbook explain project_by_id --target staging --analyze 5s --allow-writes staging")]
pub(crate) struct Explain {
    /// The query: the name of its file without .sql
    #[arg(value_name = "QUERY", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) query: Option<String>,
    /// A target of runbook.toml: [targets.NAME]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "database_url")]
    pub(crate) target: Option<String>,
    /// The address of a database
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// How many rows of the leading table the ephemeral database has [default: runbook.toml's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) scale: Option<u64>,
    /// On a live target: execute the query, for at most so long (5s, 500ms); it needs --allow-writes as well
    #[arg(long, value_name = "TIME")]
    pub(crate) analyze: Option<String>,
    /// Allow the query to be executed on the target of this name
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) allow_writes: Option<String>,
    /// Write the plan as an SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// `runbook rehearse`
#[derive(Debug, Args)]
#[cfg_attr(not(feature = "rehearse"), allow(dead_code, reason = "read by the feature that is off"))]
#[command(after_help = "Examples:
  runbook rehearse
  runbook rehearse --from 005 --to 006 --scale 1000
  runbook rehearse --tool alembic --report /tmp/report")]
pub(crate) struct Rehearse {
    /// The revision to deploy [default: the newest]
    #[arg(long, value_name = "REV", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) to: Option<String>,
    /// The revision that is deployed now [default: runbook.toml's, or the one before --to]
    #[arg(long, value_name = "REV", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) from: Option<String>,
    /// How many rows of the leading table are generated [default: runbook.toml's]
    #[arg(long, value_name = "N")]
    pub(crate) scale: Option<u64>,
    /// The folder of report.json, report.html, report.junit.xml and journal.jsonl
    #[arg(long, value_name = "DIR", default_value = "target/runbook")]
    pub(crate) report: PathBuf,
    /// What applies the migrations [default: runbook.toml's]
    #[arg(long)]
    pub(crate) tool: Option<Tool>,
}

/// A migration tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tool {
    /// Reversible SQL files
    Sqlx,
    /// An alembic project
    Alembic,
}

/// `runbook verify`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("where"),
    after_help = "Examples:
  runbook verify --target staging --report target/runbook
  runbook verify --database-url postgres://reader@db.example/app --fixtures ../their/fixtures
  runbook verify --target staging --only integrity
  runbook verify --target production --only monitoring --history readings.jsonl    hourly, say: before and after a deployment"
)]
pub(crate) struct Verify {
    /// A target of runbook.toml: [targets.NAME] [env: RUNBOOK_TARGET]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), group = "where")]
    pub(crate) target: Option<String>,
    /// The address of a database; its password is better kept in PGPASSWORD or ~/.pgpass
    #[arg(long, value_name = "URL", group = "where")]
    pub(crate) database_url: Option<String>,
    /// One suite, or one check
    #[arg(long, value_name = "SUITE|CHECK", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) only: Option<String>,
    /// The folder of report.json, report.html and report.junit.xml
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// A file of what the integrity checks have proved: a run that was hindered is gone on with by the next, within a day
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,
    /// A file of readings: statements are compared with the same weekday and hour of an earlier week, and this run's
    /// reading is added
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
}

/// `runbook report`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("form"),
    after_help = "Examples:
  runbook report target/runbook/report.json
  runbook report target/runbook/report.json --markdown >> \"$GITHUB_STEP_SUMMARY\""
)]
pub(crate) struct Redraw {
    /// A report.json
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// As one self-contained page
    #[arg(long, group = "form")]
    pub(crate) html: bool,
    /// As JUnit XML
    #[arg(long, group = "form")]
    pub(crate) junit: bool,
    /// As Markdown, for the summary of a CI job
    #[arg(long, group = "form")]
    pub(crate) markdown: bool,
    /// As on a terminal (the default)
    #[arg(long, group = "form")]
    pub(crate) terminal: bool,
}

/// `runbook hazards`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("task"),
    after_help = "Examples:
  runbook hazards                                     the pending migrations of runbook.toml, by their text
  runbook hazards migrations/008_index.up.sql --measure
  runbook hazards --score                             how often the rules are right, of the labelled corpus

Exit status: 0 no hazard · 1 a hazard, or a score below its target · 2 usage or configuration"
)]
pub(crate) struct Hazards {
    /// SQL files to look at, instead of the pending migrations
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The revision that is deployed: what follows it is pending [default: runbook.toml's, or the one before the newest]
    #[arg(long, value_name = "REV", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) from: Option<String>,
    /// Run each on copies with rows, beside readers and writers, and say what it really does
    #[arg(long)]
    pub(crate) measure: bool,
    /// How many rows of the leading table the larger copy has, and a tenth the smaller one [default: runbook.toml's sizes]
    #[arg(long, value_name = "N", requires = "measure", value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    pub(crate) rows: Option<u64>,
    /// Print precision and recall against the labelled corpus
    #[arg(long, group = "task", conflicts_with = "files")]
    pub(crate) score: bool,
    /// Print docs/hazards.md; with --measure, first write down what this server shows
    #[arg(long, group = "task", conflicts_with = "files")]
    pub(crate) docs: bool,
    /// Write the measurement of today into the corpus
    #[arg(long, requires = "score")]
    pub(crate) record: bool,
}
