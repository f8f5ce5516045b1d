//! Running the program as a person would, in an environment of the test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The program with nothing around it but what a test gives it.
pub(crate) struct Program {
    home: TempDir,
    fixtures: PathBuf,
    variables: Vec<(String, String)>,
}

/// What it left.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// With the workspace's fixtures, a one-line runbook in place of theirs, and a target `staging` whose address
    /// comes from libpq's own surroundings, or from `STAGING_URL` where `by_variable`.
    pub(crate) fn new(by_variable: bool) -> Self {
        let home = tempfile::tempdir().unwrap();
        let fixtures = fixtures(home.path(), by_variable);
        Self { home, fixtures, variables: Vec::new() }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// These checks have to be measured on a live target.
    pub(crate) fn requiring(self, checks: &[&str]) -> Self {
        let file = self.fixtures.join("runbook.toml");
        let mut settings: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
        let more: toml::Table = format!("[checks.required]\nlive = {checks:?}\n").parse().unwrap();
        settings.extend(more);
        std::fs::write(file, settings.to_string()).unwrap();
        self
    }

    /// Runs it to its end. Neither stream may hold any of `secrets`, and an error stands on its own.
    pub(crate) fn run(&self, arguments: &[&str], secrets: &[&str]) -> Ended {
        self.end(Path::new(env!("CARGO_BIN_EXE_runbook")), arguments, secrets)
    }

    /// Runs the binary of the nightly tests as nextest does.
    pub(crate) fn nightly(&self, arguments: &[&str], secrets: &[&str]) -> Ended {
        self.end(&nightly_binary(), arguments, secrets)
    }

    fn end(&self, program: &Path, arguments: &[&str], secrets: &[&str]) -> Ended {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("NO_COLOR", "1")
            .env("RUNBOOK_FIXTURES", &self.fixtures)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ended =
            Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        for secret in secrets {
            assert!(!ended.stdout.contains(secret), "a password on standard output:\n{}", ended.stdout);
            assert!(!ended.stderr.contains(secret), "a password on standard error:\n{}", ended.stderr);
        }
        ended
    }

    /// The ids of all checks that may run on a live target, as the program lists them.
    pub(crate) fn live_safe_checks(&self) -> Vec<String> {
        let ended = self.run(&["list", "--json"], &[]);
        let entries: serde_json::Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stderr));
        let live = entries.as_array().unwrap().iter().filter(|entry| entry["live_safe"] == true);
        live.map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// The test binary `staging` that was built beside this one: cargo names it by a hash, and tells nobody.
fn nightly_binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let built = std::fs::read_dir(own.parent().unwrap()).unwrap().flatten().filter(|entry| {
        let name = entry.file_name().into_string().unwrap_or_default();
        name.starts_with("staging-") && !name.contains('.')
    });
    let newest = built.max_by_key(|entry| entry.metadata().and_then(|meta| meta.modified()).unwrap());
    newest.expect("the test binary `staging` is not built: run `cargo test -p cli`").path()
}

/// A folder with the workspace's queries, rules and migrations, and settings without its runbook's lines: what is
/// proved here holds for every check, whatever line it stands for.
fn fixtures(home: &Path, by_variable: bool) -> PathBuf {
    let folder = home.join("fixtures");
    std::fs::create_dir(&folder).unwrap();
    let theirs = crate::folder::workspace().join("fixtures");
    for entry in std::fs::read_dir(&theirs).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "runbook.toml" && entry.file_name() != "runbook.md" {
            std::os::unix::fs::symlink(entry.path(), folder.join(entry.file_name())).unwrap();
        }
    }
    let mut settings: toml::Table =
        std::fs::read_to_string(theirs.join("runbook.toml")).unwrap().parse().unwrap();
    settings.remove("line");
    settings.remove("checks");
    settings.remove("procedure");
    settings.remove("targets");
    let address = if by_variable { "database_url_variable = \"STAGING_URL\"" } else { "" };
    let more = format!(
        "[targets.staging]\n{address}\n[limits]\nstartup_seconds = 0.2\nstatement_seconds = 10\n\
         [[line]]\nwords = \"Dashboards accessible\"\nnot_measured = \"there are none\"\n"
    );
    // How fast the queries are is not the question here.
    if let Some(perf) = settings.get_mut("perf").and_then(toml::Value::as_table_mut) {
        perf.insert("samples".into(), 20.into());
        perf.insert("warm_up".into(), 0.into());
    }
    let more: toml::Table = more.parse().unwrap();
    settings.extend(more);
    std::fs::write(folder.join("runbook.toml"), settings.to_string()).unwrap();
    std::fs::write(folder.join("runbook.md"), "# Staging\n\n## Checklist\n\n- [ ] Dashboards accessible\n")
        .unwrap();
    folder
}
