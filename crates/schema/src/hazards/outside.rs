//! Statements whose doing leaves the database: roles and settings of the whole server, other servers, files. On a copy they
//! are not executed: a copy goes away with all that is in it, and what they do would stay, on a server that may be
//! somebody's own.

use squawk_syntax::ast::{self, AstNode as _};

use super::own::block;
use super::tree::{self, says, words};

pub(super) const ROLES: &str =
    "it is about roles, which belong to the whole server: the copies would share them, and they would stay";
const SERVER: &str =
    "what it does belongs to the whole server, and would stay on the one on which it is measured";
const DATABASE: &str = "it names a database, and a copy has another name";
const SUBSCRIPTION: &str = "a subscription would reach the server that publishes, and keep a slot there";
const ELSEWHERE: &str = "it reaches another server";
const FILES: &str = "it reads or writes files or programs of the server";
const SESSIONS: &str =
    "it would reach other sessions, or what the whole server keeps, on the one on which it is measured";
const PREPARED: &str = "a prepared transaction outlives its session, and keeps the copy from being dropped";
const UNWRITTEN: &str = "it commits, and executes texts that are not written down, which could not be undone where they reach out of the copy";
/// Seen only when it was executed, in a transaction that was then undone.
pub(super) const SHARED: &str = "it changes what belongs to the whole server (roles, rights to databases and the like), where it would stay";
/// Of the target's roles the measuring server knows none.
pub(super) const ABSENT: &str =
    "it names a role, database or tablespace that the server on which it is measured does not have";

/// Functions with which a statement reaches out of its database, as they begin.
const FUNCTIONS: [(&str, &str); 13] = [
    ("DBLINK", ELSEWHERE),
    ("PG_CREATE_PHYSICAL_REPLICATION_SLOT", SESSIONS),
    ("PG_CREATE_LOGICAL_REPLICATION_SLOT", SESSIONS),
    ("PG_COPY_", SESSIONS),
    ("PG_DROP_REPLICATION_SLOT", SESSIONS),
    ("PG_REPLICATION_ORIGIN_", SESSIONS),
    ("PG_TERMINATE_BACKEND", SESSIONS),
    ("PG_CANCEL_BACKEND", SESSIONS),
    ("PG_RELOAD_CONF", SESSIONS),
    ("PG_PROMOTE", SESSIONS),
    ("PG_FILE_", FILES),
    ("LO_EXPORT", FILES),
    ("LO_IMPORT", FILES),
];

/// Why a statement cannot be executed on a copy; `None` where it can. In a block the same is asked of each statement, and
/// of each text that it executes, as far as that is written down.
pub(super) fn reason(stmt: &ast::Stmt) -> Option<&'static str> {
    if let ast::Stmt::Do(body) = stmt {
        let executed = block::executed(body);
        if tree::stands_alone(stmt) && executed.iter().any(|(text, whole)| !whole && text.trim().is_empty()) {
            return Some(UNWRITTEN);
        }
        return executed.iter().find_map(|(text, whole)| {
            let file = ast::SourceFile::parse(text).tree();
            let of_all = || of_words(&words(file.syntax()));
            if *whole { file.stmts().find_map(|stmt| reason(&stmt)) } else { of_all() }
        });
    }
    of_words(&words(stmt.syntax()))
}

fn of_words(words: &[String]) -> Option<&'static str> {
    let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
    let names = |what: &str| says(words, &["ON", what]);
    let by_itself = match (word(0), word(1)) {
        ("CREATE" | "ALTER" | "DROP", "ROLE" | "GROUP") => Some(ROLES),
        ("CREATE" | "ALTER" | "DROP", "USER") if word(2) != "MAPPING" => Some(ROLES),
        ("CREATE" | "ALTER" | "DROP", "SUBSCRIPTION") => Some(SUBSCRIPTION),
        ("CREATE" | "ALTER" | "DROP", "TABLESPACE") | ("ALTER", "SYSTEM") => Some(SERVER),
        ("CREATE" | "ALTER" | "DROP", "DATABASE") => Some(DATABASE),
        // What a role owns may be other databases and tablespaces too.
        ("DROP" | "REASSIGN", "OWNED") => Some(ROLES),
        ("PREPARE", "TRANSACTION") => Some(PREPARED),
        ("IMPORT", "FOREIGN") => Some(ELSEWHERE),
        ("REINDEX", _) if words.iter().any(|word| word == "DATABASE" || word == "SYSTEM") => Some(DATABASE),
        ("GRANT" | "REVOKE" | "COMMENT" | "SECURITY", _) if names("DATABASE") => Some(DATABASE),
        ("GRANT" | "REVOKE", _) if names("TABLESPACE") || names("PARAMETER") => Some(SERVER),
        ("GRANT" | "REVOKE", _) if !words.iter().any(|word| word == "ON") => Some(ROLES),
        ("COMMENT" | "SECURITY", _) if names("ROLE") => Some(ROLES),
        ("COMMENT" | "SECURITY", _) if names("TABLESPACE") => Some(SERVER),
        ("COPY", _) if words.windows(2).any(reaches_a_file) => Some(FILES),
        _ => None,
    };
    by_itself.or_else(|| {
        let called = words.windows(2).filter(|pair| pair[1] == "(").map(|pair| &pair[0]);
        called.into_iter().find_map(|name| {
            FUNCTIONS.iter().find(|(start, _)| name.starts_with(start)).map(|(_, reason)| *reason)
        })
    })
}

/// `FROM 'file'`, `TO PROGRAM`.
fn reaches_a_file(pair: &[String]) -> bool {
    matches!(pair, [to, what] if (to == "FROM" || to == "TO") && (what == "PROGRAM" || what.contains(['\'', '$'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<&'static str> {
        ast::SourceFile::parse(text).tree().stmts().find_map(|stmt| reason(&stmt))
    }

    #[test]
    fn what_leaves_the_database_is_known_by_its_words() {
        for (text, said) in [
            ("create /* x */ role \"a b\" login;", ROLES),
            ("CREATE USER u;", ROLES),
            ("ALTER ROLE ALL IN DATABASE d SET work_mem = '1MB';", ROLES),
            ("GRANT reader TO writer WITH ADMIN OPTION;", ROLES),
            ("REVOKE \"on\" FROM writer;", ROLES),
            ("DROP OWNED BY a;", ROLES),
            ("GRANT CONNECT ON DATABASE d TO a;", DATABASE),
            ("COMMENT ON DATABASE d IS 'x';", DATABASE),
            ("ALTER DATABASE d SET work_mem = '1MB';", DATABASE),
            ("REINDEX (VERBOSE) DATABASE d;", DATABASE),
            ("ALTER SYSTEM SET work_mem = '1MB';", SERVER),
            ("GRANT SET ON PARAMETER work_mem TO a;", SERVER),
            ("CREATE TABLESPACE t LOCATION '/x';", SERVER),
            ("CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p;", SUBSCRIPTION),
            ("COPY t FROM '/etc/passwd';", FILES),
            ("COPY t TO PROGRAM 'cat';", FILES),
            ("SELECT pg_create_logical_replication_slot('s', 'pgoutput');", SESSIONS),
            ("SELECT * FROM dblink_exec('host=x', 'DROP TABLE t');", ELSEWHERE),
            ("DO $$ BEGIN IF true THEN CREATE ROLE a; END IF; END $$;", ROLES),
            ("DO $$ BEGIN EXECUTE 'CREATE ROLE a'; END $$;", ROLES),
            ("DO $$ BEGIN EXECUTE format('CREATE ROLE %I', 'a'); END $$;", ROLES),
            (
                "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET jit = off'; END $$;",
                DATABASE,
            ),
            ("DO $$ BEGIN PERFORM pg_reload_conf(); END $$;", SESSIONS),
        ] {
            assert_eq!(of(text), Some(said), "{text}");
        }
    }

    #[test]
    fn what_stays_in_the_database_is_executed() {
        for text in [
            "GRANT SELECT ON t TO a;",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO a;",
            "CREATE USER MAPPING FOR a SERVER s;",
            "COMMENT ON COLUMN t.role IS 'database';",
            "COPY t FROM STDIN;",
            "COPY (SELECT 'x') TO STDOUT;",
            "CREATE TABLE role (\"database\" text);",
            "SELECT 'CREATE ROLE a';",
            "REINDEX TABLE t;",
            "DO $$ BEGIN EXECUTE 'GRANT ' || 'SELECT' || ' ON t TO a'; END $$;",
            "DO $$ BEGIN RAISE NOTICE 'CREATE ROLE a'; END $$;",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
