//! Finds the program of a service; builds it where it is missing or older than its sources.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use runbook::settings::ServiceStart;

use crate::HarnessError;
use crate::fixtures::workspace;
use crate::state;

/// The program to start.
pub(super) fn program(start: &ServiceStart) -> Result<PathBuf, HarnessError> {
    match (&start.program, &start.package) {
        (Some(program), _) => Ok(PathBuf::from(program)),
        (None, Some(package)) => of_package(package),
        (None, None) => {
            Err(HarnessError::Fixtures("a service names neither `package` nor `program`: add one".into()))
        }
    }
}

fn of_package(package: &str) -> Result<PathBuf, HarnessError> {
    let own = std::env::current_exe().map_err(HarnessError::io(Path::new("the running program")))?;
    let folder = own.parent().unwrap_or(Path::new("/"));
    // Test programs stand in `deps`, below the folder of the profile.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let program = folder.join(package);
    let workspace = workspace();
    let in_workspace = workspace.join("Cargo.toml").exists() && own.starts_with(&workspace);
    if !in_workspace && program.exists() || is_fresh(&program, &workspace) {
        return Ok(program);
    }
    if !workspace.join("Cargo.toml").exists() {
        return Err(HarnessError::Other(format!(
            "{} is not there, and neither are its sources: put it beside {}",
            program.display(),
            own.display()
        )));
    }
    // One builder; those who waited find it fresh.
    let lock = folder.join(format!(".{package}.lock"));
    let turn = state::open(&lock).map_err(HarnessError::io(&lock))?;
    turn.lock().map_err(HarnessError::io(&lock))?;
    if !is_fresh(&program, &workspace) {
        build(package, folder, &workspace)?;
    }
    if program.exists() {
        return Ok(program);
    }
    Err(HarnessError::Other(format!(
        "cargo built {package}, and {} is not there: build it with the same profile and target folder",
        program.display()
    )))
}

/// Whether the program is newer than every source that cargo noted for it (`PROGRAM.d`, as `make` reads it): far
/// cheaper than to ask cargo.
fn is_fresh(program: &Path, workspace: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    let (Some(built), Ok(sources)) =
        (modified(program), std::fs::read_to_string(program.with_extension("d")))
    else {
        return false;
    };
    let older = |path: &Path| modified(path).is_some_and(|changed: SystemTime| changed <= built);
    let sources = sources.lines().filter_map(|line| line.split_once(": ")).flat_map(|(_, list)| split(list));
    // Not Cargo.lock: cargo keeps a program's age when a changed lock file leaves it as it was.
    sources.into_iter().all(|source| older(&workspace.join(source)))
}

/// Paths divided by spaces; a space within one is written `\ `.
fn split(list: &str) -> Vec<String> {
    list.replace("\\ ", "\0").split_whitespace().map(|path| path.replace('\0', " ")).collect()
}

fn build(package: &str, folder: &Path, workspace: &Path) -> Result<(), HarnessError> {
    let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let mut command = Command::new(&cargo);
    command.args(["build", "--quiet", "-p", package]).current_dir(workspace).stdin(Stdio::null());
    match folder.file_name().and_then(|name| name.to_str()) {
        Some("release") => drop(command.arg("--release")),
        Some("debug") | None => {}
        Some(profile) => drop(command.args(["--profile", profile])),
    }
    let output = command.output().map_err(HarnessError::io(&cargo))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let telling = said.lines().find(|line| line.starts_with("error")).unwrap_or("it said nothing");
    Err(HarnessError::Other(format!("`cargo build -p {package}` failed: {telling}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_older_than_one_of_its_sources_is_not_fresh() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("Cargo.lock"), "").unwrap();
        std::fs::write(path("main source.rs"), "").unwrap();
        std::fs::write(path("program"), "").unwrap();
        std::fs::write(
            path("program.d"),
            format!("program: {}", path("main source.rs").display()).replace("n s", "n\\ s"),
        )
        .unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        let touch = |name: &str| {
            std::fs::File::options().write(true).open(path(name)).unwrap().set_modified(later).unwrap()
        };
        touch("program");
        assert!(is_fresh(&path("program"), folder.path()));
        let later = later + std::time::Duration::from_secs(5);
        std::fs::File::options()
            .write(true)
            .open(path("main source.rs"))
            .unwrap()
            .set_modified(later)
            .unwrap();
        assert!(!is_fresh(&path("program"), folder.path()));
    }

    #[test]
    fn a_missing_program_is_not_fresh() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_fresh(&folder.path().join("program"), folder.path()));
    }
}
