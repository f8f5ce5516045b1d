//! Every object of the newest revision, a file each under `snapshots/schema/`: a change shows as a small diff.

use harness::Database;
use migrations::catalogue::Catalogue;

/// The folder that `cargo insta review` looks into, since it is a package of its own.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/schema");

#[tokio::test]
async fn every_object_is_as_it_was_accepted() {
    let db = Database::migrated().await.unwrap();
    let mut reader = db.reader().await.unwrap();
    let catalogue = Catalogue::read(&mut reader, &harness::settings().database.schemas).await.unwrap();
    assert!(catalogue.len() > 10, "{}", catalogue.text());
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(FOLDER);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut missing = accepted();
    settings.bind(|| {
        for object in catalogue.names() {
            let name = object.to_string().replace(' ', "_");
            missing.retain(|file| *file != format!("{name}.snap"));
            insta::assert_snapshot!(name, catalogue.describe(object).unwrap());
        }
    });
    assert!(
        missing.is_empty(),
        "accepted, and no longer made by any migration: {missing:?}; remove the files"
    );
}

fn accepted() -> Vec<String> {
    let Ok(files) = std::fs::read_dir(FOLDER) else { return Vec::new() };
    let names = files.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".snap")).collect()
}
