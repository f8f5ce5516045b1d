//! Database addresses: completed as libpq does it, and never shown with their password.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use runbook::secret::{DatabaseUrl, Surroundings};
use secrecy::ExposeSecret as _;

const NOTHING: [(&str, &str); 0] = [];

fn resolve<const N: usize>(url: Option<&str>, variables: [(&str, &str); N]) -> DatabaseUrl {
    DatabaseUrl::resolve(url, &Surroundings::of(variables)).unwrap()
}

fn refused(url: &str) -> String {
    DatabaseUrl::resolve(Some(url), &Surroundings::of(NOTHING)).unwrap_err().to_string()
}

fn libpq(url: &DatabaseUrl, name: &str) -> Option<String> {
    url.libpq_environment()
        .into_iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.expose_secret().to_owned())
}

fn file(folder: &Path, name: &str, text: &str, mode: u32) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

#[test]
fn the_password_is_never_shown_and_reaches_libpq_decoded() {
    let url = resolve(Some("postgres://apex:p%40ss@db.example:5433/apex?sslmode=require"), NOTHING);
    assert_eq!(url.to_string(), "postgres://apex@db.example:5433/apex");
    assert!(!format!("{url:?} {url:#?} {url}").contains("ss@"), "{url:?}");
    assert_eq!(libpq(&url, "PGPASSWORD").as_deref(), Some("p@ss"));
    assert_eq!(libpq(&url, "PGSSLMODE").as_deref(), Some("require"));
    assert_eq!(libpq(&url, "PGPORT").as_deref(), Some("5433"));
}

#[test]
fn the_shorter_way_is_for_sessions_of_this_process_alone() {
    let url = resolve(Some("postgres://apex:secret@127.0.0.1:5433/apex"), NOTHING);
    let url = url.with_socket(Some(Path::new("/run/pg"))).with_database("other").unwrap();
    let options = url.connect_options();
    assert_eq!(options.get_socket().map(|path| path.to_owned()), Some("/run/pg".into()));
    assert_eq!((options.get_port(), options.get_database()), (5433, Some("other")));
    assert_eq!(url.expose(), "postgresql://apex:secret@127.0.0.1:5433/other");
    assert_eq!(libpq(&url, "PGHOST").as_deref(), Some("127.0.0.1"));
    assert!(url.with_socket(None).connect_options().get_socket().is_none());
}

#[test]
fn a_bad_address_is_refused_without_repeating_its_password() {
    for url in [
        "mysql://root:hunter2@db/apex",
        "hunter2",
        "postgres://u:hunter2/x@db/apex",
        "postgres://u:hunter2#x@db/apex",
        "postgres://u:123?hunter2@db/apex",
        "postgres://u:123?hunter2=1@db/apex",
        "postgres://u:hunter2@db:port/apex",
        "postgres://u:hunter2@db/a/b",
        "postgres://u:hunter2@db/apex?sslmode=yes",
        "postgres://u:hunter2@db/apex?unknown=1",
        "postgres://u:hunter2@db/%ff",
        "postgres://u:hunter2@a,b/apex",
        "postgres://u:hunter2@db/apex?port=70000",
    ] {
        let error = refused(url);
        assert!(!error.contains("hunter2"), "{url}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn another_database_on_the_same_server_keeps_the_rest() {
    let url =
        resolve(Some("postgres://apex:x@db:5433/apex?sslmode=disable&options=-c%20geqo%3Doff"), NOTHING);
    let other = url.with_database("scratch one/two?").unwrap();
    assert_eq!(other.connect_options().get_database(), Some("scratch one/two?"));
    assert_eq!(libpq(&other, "PGSSLMODE").as_deref(), Some("disable"));
    assert_eq!(libpq(&other, "PGOPTIONS").as_deref(), Some("-c geqo=off"));
    assert_eq!(libpq(&other, "PGPASSWORD").as_deref(), Some("x"));
    let again = resolve(Some(other.expose()), NOTHING);
    assert_eq!(again.expose(), other.expose(), "what is exposed reads back as the same address");
}

#[test]
fn a_socket_is_kept_with_its_folder() {
    for text in [
        "postgres:///apex?host=/run/pg&user=u&port=6000",
        "postgres://u@%2Frun%2Fpg:6000/apex",
        // A user before no host, or before a port alone, as `psql` takes it.
        "postgres://u@/apex?host=/run/pg&port=6000",
        "postgres://u@:6000/apex?host=/run/pg",
    ] {
        let url = resolve(Some(text), NOTHING);
        assert_eq!(
            url.connect_options().get_socket().map(|path| path.to_owned()),
            Some("/run/pg".into()),
            "{text}"
        );
        assert_eq!(url.to_string(), "postgres://u@%2Frun%2Fpg:6000/apex");
        let other = url.with_database("b").unwrap();
        assert_eq!(other.connect_options().get_socket().map(|path| path.to_owned()), Some("/run/pg".into()));
        assert_eq!(libpq(&other, "PGHOST").as_deref(), Some("/run/pg"));
        assert_eq!(resolve(Some(other.expose()), NOTHING).expose(), other.expose());
    }
}

#[test]
fn an_ipv6_address_loses_its_brackets_for_the_driver_and_keeps_them_in_the_url() {
    let url = resolve(Some("postgres://u@[::1]:5433/d"), NOTHING);
    assert_eq!(url.connect_options().get_host(), "::1");
    assert_eq!(url.to_string(), "postgres://u@[::1]:5433/d");
    assert_eq!(resolve(Some(url.expose()), NOTHING).expose(), url.expose());
}

#[test]
fn the_variables_of_libpq_complete_what_the_address_leaves_open() {
    let variables = [
        ("PGHOST", "db.example"),
        ("PGPORT", "6543"),
        ("PGUSER", "reader"),
        ("PGDATABASE", "apex"),
        ("PGPASSWORD", "secret"),
        ("PGSSLMODE", "verify-full"),
        ("PGSSLROOTCERT", "/ca.pem"),
    ];
    let url = resolve(None, variables);
    assert_eq!(url.to_string(), "postgres://reader@db.example:6543/apex");
    assert_eq!(libpq(&url, "PGSSLROOTCERT").as_deref(), Some("/ca.pem"));
    assert_eq!(libpq(&url, "PGPASSWORD").as_deref(), Some("secret"));
    let partly = resolve(Some("postgres://other@host/"), variables);
    assert_eq!(partly.to_string(), "postgres://other@host:6543/apex");
}

#[test]
fn a_service_file_gives_the_rest_and_the_address_wins() {
    let folder = tempfile::tempdir().unwrap();
    let services = "# ours\n[other]\nhost=wrong\n\n[staging]\nhost = db.example\nport=6000\nuser=reader\ndbname=apex\nsslmode=require\n[more]\nhost=x\n";
    let path = file(folder.path(), "services.conf", services, 0o644);
    let url = resolve(
        None,
        [("PGSERVICE", "staging"), ("PGSERVICEFILE", &path), ("PGHOST", "not-this"), ("PGPORT", "1")],
    );
    assert_eq!(url.to_string(), "postgres://reader@db.example:6000/apex");
    let url = resolve(Some("postgres:///mine?service=staging"), [("PGSERVICEFILE", &path)]);
    assert_eq!(url.to_string(), "postgres://reader@db.example:6000/mine");
    assert!(!url.expose().contains("service"), "a child process needs no service file");

    std::fs::rename(&path, folder.path().join(".pg_service.conf")).unwrap();
    let home = folder.path().display().to_string();
    assert_eq!(resolve(None, [("PGSERVICE", "staging"), ("HOME", &home)]).host(), "db.example");
    let missing =
        DatabaseUrl::resolve(None, &Surroundings::of([("PGSERVICE", "production"), ("HOME", &home)]));
    let error = missing.unwrap_err().to_string();
    assert!(error.contains("no service `production`") && error.contains(".pg_service.conf"), "{error}");
}

#[test]
fn the_password_file_is_read_by_its_first_fitting_line() {
    let folder = tempfile::tempdir().unwrap();
    let text = "# comment\ndb:5432:apex:other:no\ndb:*:apex:reader:p\\:a\\\\ss:word\n*:*:*:*:last\n";
    let path = file(folder.path(), ".pgpass", text, 0o600);
    let home = folder.path().display().to_string();
    let url = resolve(Some("postgres://reader@db/apex"), [("HOME", &home)]);
    assert_eq!(libpq(&url, "PGPASSWORD").as_deref(), Some("p:a\\ss:word"));
    let url = resolve(Some("postgres://nobody@db/apex"), [("PGPASSFILE", &path)]);
    assert_eq!(libpq(&url, "PGPASSWORD").as_deref(), Some("last"));
    let url = resolve(Some("postgres://reader:own@db/apex"), [("HOME", &home)]);
    assert_eq!(libpq(&url, "PGPASSWORD").as_deref(), Some("own"), "the address wins");
}

#[test]
fn a_password_file_that_others_can_read_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "pgpass", "*:*:*:*:open\n", 0o644);
    let url = resolve(Some("postgres://reader@db/apex"), [("PGPASSFILE", &path)]);
    assert_eq!(libpq(&url, "PGPASSWORD"), None);
}

#[test]
fn hostile_names_survive_the_way_through_a_url() {
    let name = "a b/c?d#e%f:g@h\"i'ü";
    let encoded = "a%20b%2Fc%3Fd%23e%25f%3Ag%40h%22i%27%C3%BC";
    let url = resolve(Some(&format!("postgres://{encoded}:{encoded}@db/{encoded}")), NOTHING);
    let options = url.connect_options();
    assert_eq!(options.get_username(), name);
    assert_eq!(options.get_database(), Some(name));
    assert_eq!(libpq(&url, "PGPASSWORD").as_deref(), Some(name));
    assert_eq!(resolve(Some(url.expose()), NOTHING).expose(), url.expose());
}
