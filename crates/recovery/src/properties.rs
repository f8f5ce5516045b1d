//! What belongs to a database and is in no dump of it: owner, encoding, locale, grants, settings, comment.

use runbook::check::CheckError;
use runbook::reader::Reader;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::error::RecoveryError;

/// What belongs to a database and is in no dump of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    #[serde(flatten)]
    row: Row,
    /// Grants on the database; `None` where none was ever made and the defaults hold.
    grants: Option<Vec<Grant>>,
    /// `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET`.
    configuration: Vec<Configuration>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
struct Row {
    name: String,
    owner: String,
    encoding: String,
    collate: String,
    ctype: String,
    provider: String,
    locale: Option<String>,
    icu_rules: Option<String>,
    connection_limit: i32,
    tablespace: String,
    comment: Option<String>,
    has_grants: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
struct Grant {
    /// `None` is PUBLIC.
    grantee: Option<String>,
    privilege: String,
    grantable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
struct Configuration {
    /// `None` is everybody.
    role: Option<String>,
    name: String,
    value: String,
}

/// Settings whose value is a list of names: kept flat, and quoted as a whole they would become one name.
const LISTS: [&str; 5] = [
    "search_path",
    "temp_tablespaces",
    "local_preload_libraries",
    "session_preload_libraries",
    "shared_preload_libraries",
];

/// What can be granted on a database. These words go into statements as they are.
const PRIVILEGES: [&str; 3] = ["CONNECT", "CREATE", "TEMPORARY"];

impl Properties {
    /// Reads those of the reader's database.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn read(reader: &mut Reader) -> Result<Self, CheckError> {
        reader.spell_out(true).await?;
        let mut rows: Vec<Row> = reader.fetch(include_str!("properties.sql")).await?;
        let row = rows.pop().ok_or_else(|| CheckError::Other("the database does not know itself".into()))?;
        let grants: Vec<Grant> = reader.fetch(include_str!("grants.sql")).await?;
        let configuration = reader.fetch(include_str!("configuration.sql")).await?;
        reader.spell_out(false).await?;
        Ok(Self { grants: row.has_grants.then_some(grants), configuration, row })
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.row.name
    }

    /// Whose it is.
    pub fn owner(&self) -> &str {
        &self.row.owner
    }

    /// The comment on the database.
    pub fn comment(&self) -> Option<&str> {
        self.row.comment.as_deref()
    }

    /// Makes an empty database of the same kind.
    pub(crate) async fn create(&self, control: &mut PgConnection, name: &str) -> Result<(), RecoveryError> {
        let row = &self.row;
        let mut sql = format!(
            "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}",
            identifier(name),
            literal(&row.encoding),
            literal(&row.collate),
            literal(&row.ctype),
        );
        // Where template0 stands anyway: naming it takes a right that only superusers have there.
        if row.tablespace != "pg_default" {
            sql.push_str(&format!(" TABLESPACE {}", identifier(&row.tablespace)));
        }
        match (row.provider.as_str(), &row.locale) {
            ("i", Some(locale)) => {
                sql.push_str(&format!(" LOCALE_PROVIDER icu ICU_LOCALE {}", literal(locale)));
                if let Some(rules) = &row.icu_rules {
                    sql.push_str(&format!(" ICU_RULES {}", literal(rules)));
                }
            }
            ("b", Some(locale)) => {
                sql.push_str(&format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}", literal(locale)))
            }
            _ => sql.push_str(" LOCALE_PROVIDER libc"),
        }
        run(control, sql).await
    }

    /// Gives a database all of these, the name aside. What it had before is taken away first.
    pub(crate) async fn apply(&self, control: &mut PgConnection, name: &str) -> Result<(), RecoveryError> {
        let database = identifier(name);
        let owner = identifier(&self.row.owner);
        run(control, format!("ALTER DATABASE {database} OWNER TO {owner}")).await?;
        run(control, format!("ALTER DATABASE {database} CONNECTION LIMIT {}", self.row.connection_limit))
            .await?;
        let comment = self.row.comment.as_deref().map_or_else(|| "NULL".to_owned(), literal);
        run(control, format!("COMMENT ON DATABASE {database} IS {comment}")).await?;
        if let Some(grants) = &self.grants {
            run(control, format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC, {owner}")).await?;
            for grant in grants {
                if !PRIVILEGES.contains(&grant.privilege.as_str()) {
                    return Err(RecoveryError::Damaged(format!(
                        "the manifest grants {:?}, which is no privilege on a database: nothing was changed; use another \
                         dump",
                        grant.privilege
                    )));
                }
                let grantee = grant.grantee.as_deref().map_or_else(|| "PUBLIC".to_owned(), identifier);
                let option = if grant.grantable { " WITH GRANT OPTION" } else { "" };
                run(
                    control,
                    format!("GRANT {} ON DATABASE {database} TO {grantee}{option}", grant.privilege),
                )
                .await?;
            }
        }
        self.configure(control, name, true).await
    }

    /// Gives a database the settings alone, those of single roles where `roles`: with them, its sessions print values
    /// alike.
    pub(crate) async fn configure(
        &self,
        control: &mut PgConnection,
        name: &str,
        roles: bool,
    ) -> Result<(), RecoveryError> {
        let database = identifier(name);
        run(control, format!("ALTER DATABASE {database} RESET ALL")).await?;
        for setting in self.configuration.iter().filter(|setting| roles || setting.role.is_none()) {
            let subject = match &setting.role {
                Some(role) => format!("ALTER ROLE {} IN DATABASE {database}", identifier(role)),
                None => format!("ALTER DATABASE {database}"),
            };
            let parameter: Vec<String> = setting.name.split('.').map(identifier).collect();
            let parameter = parameter.join(".");
            if !LISTS.contains(&setting.name.as_str()) {
                run(control, format!("{subject} SET {parameter} TO {}", literal(&setting.value))).await?;
                continue;
            }
            let mut transaction = control.begin().await?;
            sqlx::query("SELECT set_config($1, $2, true)")
                .bind(&setting.name)
                .bind(&setting.value)
                .execute(&mut *transaction)
                .await?;
            run(&mut transaction, format!("{subject} SET {parameter} FROM CURRENT")).await?;
            transaction.commit().await?;
        }
        Ok(())
    }
}

/// A name as SQL.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL, whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    if text.contains('\\') {
        return format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// A database's name as a connection string of libpq, which takes a bare name with `=` in it for one.
pub(crate) fn conninfo(name: &str) -> String {
    format!("dbname='{}'", name.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Runs one statement that gives no rows.
pub(crate) async fn run(connection: &mut PgConnection, sql: String) -> Result<(), RecoveryError> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_and_texts_stay_what_they_are() {
        assert_eq!(identifier("a\"; DROP"), "\"a\"\"; DROP\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
    }
}
