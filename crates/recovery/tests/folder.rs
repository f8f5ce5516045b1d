//! What is in a folder of dumps.

use harness::Database;
use recovery::folder::list;
use rstest::rstest;
use runbook::verdict::Outcome;

use crate::support::{Folder, act, context};

#[test]
fn dumps_are_listed_newest_first_and_other_files_are_named() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path().join("apex_full_20260105.dump")).unwrap();
    for name in [
        "apex_full_20260103_000000.dump",
        "apex_full_20260102_235959.dump",
        "apex_full_20260103_000000.json",
        "apex_full_20260104.dump",
        "apex_full_20250101_000000.json",
        "apex_full_latest.dump",
        "other_20260109_000000.dump",
        ".runbook-partial-x",
        "notes",
    ] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let listing = list(&folder.path(), "apex_full").unwrap();
    let dumps: Vec<String> = listing.dumps.iter().map(recovery::folder::Dump::name).collect();
    assert_eq!(
        dumps,
        ["apex_full_20260104.dump", "apex_full_20260103_000000.dump", "apex_full_20260102_235959.dump"]
    );
    // A folder, a manifest without its dump, another prefix, no time in the name.
    assert_eq!(
        listing.foreign,
        [
            "apex_full_20250101_000000.json",
            "apex_full_20260105.dump",
            "apex_full_latest.dump",
            "notes",
            "other_20260109_000000.dump",
        ]
    );
}

#[tokio::test]
async fn without_a_folder_there_is_no_dump_and_without_a_name_for_it_nothing_is_measured() {
    let db = Database::empty().await.unwrap();
    let folder = Folder::new();
    let context = context(&db, &folder);
    let outcome = async |id: &str| {
        let checks = recovery::checks();
        checks.iter().find(|check| check.id == id).unwrap().run(&context).await.outcome()
    };
    assert_eq!(outcome("recovery.backup.present").await, Outcome::Fail);
    assert_eq!(outcome("recovery.rollback.plan").await, Outcome::Fail);
    for id in ["complete", "intact", "private", "recent", "restorable"] {
        assert_eq!(outcome(&format!("recovery.backup.{id}")).await, Outcome::NotMeasured, "{id}");
    }
    assert_eq!(outcome("recovery.rollback.equal").await, Outcome::NotMeasured);
    assert_eq!(act(&context, "recovery.backup.list").await.unwrap().outcome(), Outcome::NotMeasured);
    let error = act(&context, "recovery.rollback.restore").await.unwrap_err().to_string();
    assert_eq!(error, "there is no dump to roll back to");

    let nowhere = db.context();
    for check in recovery::checks() {
        assert_eq!(check.run(&nowhere).await.outcome(), Outcome::NotMeasured, "{}", check.id);
    }
}

#[rstest]
#[case::empty(b"", "is not a manifest")]
#[case::cut(b"{\"format\": 2, \"dump\": \"x", "is not a manifest")]
#[case::of_another_kind(b"[1, 2]", "is not a manifest")]
#[case::of_an_older_form(
    b"{\"format\": 1}",
    "has form 1, and this runbook reads form 2: use the runbook that wrote it"
)]
#[case::of_no_known_form(b"{\"format\": -1}", "is not a manifest")]
#[case::without_what_it_should_have(b"{\"format\": 2}", "is not a manifest: missing field")]
#[case::no_text(b"\xff\xfe\x00", "stream did not contain valid UTF-8")]
fn a_manifest_that_is_none_is_said_in_one_sentence(#[case] bytes: &[u8], #[case] told: &str) {
    let folder = Folder::new();
    let path = folder.beside().join("x_20260101.json");
    std::fs::write(&path, bytes).unwrap();
    let error = recovery::manifest::Manifest::read(&path).unwrap_err().to_string();
    assert!(error.contains(told) && error.contains("x_20260101.json") && !error.contains('\n'), "{error}");
}
