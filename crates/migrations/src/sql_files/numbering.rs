//! What is wrong with the numbers: doubled, or with a gap.

use std::path::Path;

use super::folder::File;
use crate::Problem;

/// Numbers up to here are counted one by one; larger ones are times (`20250101120000`), where gaps are natural.
const COUNTED: i64 = 1_000_000;

/// Two files that claim the same step of the same revision.
pub(super) fn doubled(files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for pair in files.windows(2) {
        let [first, second] = pair else { continue };
        if first.version == second.version && first.down == second.down {
            problems.push(Problem::of(
                &second.path,
                format!("the number {} is taken by {} as well", second.id, first.name()),
                "give the newer of the two the next free number",
            ));
        }
    }
    problems
}

/// A number that is missing between two others, and a way back that leads from nowhere.
pub(super) fn gaps(folder: &Path, files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let ups: Vec<_> = files.iter().filter(|file| !file.down).collect();
    for pair in ups.windows(2) {
        let [below, above] = pair else { continue };
        if above.version <= COUNTED && above.version > below.version + 1 {
            problems.push(Problem::of(
                folder,
                format!("there is no migration between {} and {}", below.name(), above.name()),
                format!("add the missing file of number {}, or renumber", below.version + 1),
            ));
        }
    }
    for down in files.iter().filter(|file| file.down) {
        if !ups.iter().any(|up| up.version == down.version) {
            problems.push(Problem::of(
                &down.path,
                "it reverts a migration that is not there",
                "add its `.up.sql` file, or remove it",
            ));
        }
    }
    problems
}
