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
    /// Security labels; not in manifests that were written before they were read.
    #[serde(default)]
    labels: Vec<Label>,
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
    /// Not in manifests that were written before it was read.
    #[serde(default)]
    is_template: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
struct Grant {
    /// `None` is PUBLIC.
    grantee: Option<String>,
    /// `None` in manifests that were written before it was read: the owner.
    #[serde(default)]
    grantor: Option<String>,
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
struct Label {
    provider: String,
    label: String,
}

/// What a database's values are read by from a dump, beside what the dump says itself.
const READING: &str = "lc_monetary";

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
        let labels = reader.fetch(include_str!("labels.sql")).await?;
        reader.spell_out(false).await?;
        Ok(Self { grants: row.has_grants.then_some(grants), configuration, labels, row })
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

    /// Gives a database all of these, name and comment aside: by its comment a copy is known as ours. What it had before is
    /// taken away first.
    pub(crate) async fn apply(&self, control: &mut PgConnection, name: &str) -> Result<(), RecoveryError> {
        let database = identifier(name);
        let owner = identifier(&self.row.owner);
        run(control, format!("ALTER DATABASE {database} OWNER TO {owner}")).await?;
        let (limit, template) = (self.row.connection_limit, self.row.is_template);
        run(control, format!("ALTER DATABASE {database} CONNECTION LIMIT {limit} IS_TEMPLATE {template}"))
            .await?;
        for Label { provider, label } in &self.labels {
            let (provider, label) = (identifier(provider), literal(label));
            run(control, format!("SECURITY LABEL FOR {provider} ON DATABASE {database} IS {label}")).await?;
        }
        if let Some(grants) = &self.grants {
            run(control, format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC, {owner}")).await?;
            for grant in self.in_turn(grants) {
                self.grant(control, &database, grant).await?;
            }
        }
        self.configure(control, name, true).await
    }

    /// Whether the owner granted it.
    fn is_owners(&self, grant: &Grant) -> bool {
        grant.grantor.as_ref().is_none_or(|grantor| *grantor == self.row.owner)
    }

    /// Grants in an order in which each grantor was granted before what they grant.
    fn in_turn<'a>(&self, grants: &'a [Grant]) -> Vec<&'a Grant> {
        let (mut done, mut left): (Vec<_>, Vec<_>) = grants.iter().partition(|grant| self.is_owners(grant));
        loop {
            let may = |grant: &&Grant| {
                done.iter().any(|given: &&Grant| {
                    given.grantable && given.privilege == grant.privilege && given.grantee == grant.grantor
                })
            };
            let (next, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(may);
            if next.is_empty() {
                // The server refuses them, and says why.
                done.extend(rest);
                return done;
            }
            done.extend(next);
            left = rest;
        }
    }

    async fn grant(
        &self,
        control: &mut PgConnection,
        database: &str,
        grant: &Grant,
    ) -> Result<(), RecoveryError> {
        if !PRIVILEGES.contains(&grant.privilege.as_str()) {
            return Err(RecoveryError::Damaged(format!(
                "the manifest grants {:?}, which is no privilege on a database: nothing was changed; use another dump",
                grant.privilege
            )));
        }
        let grantee = grant.grantee.as_deref().map_or_else(|| "PUBLIC".to_owned(), identifier);
        let option = if grant.grantable { " WITH GRANT OPTION" } else { "" };
        let sql = format!("GRANT {} ON DATABASE {database} TO {grantee}{option}", grant.privilege);
        let Some(grantor) = grant.grantor.as_deref().filter(|_| !self.is_owners(grant)) else {
            return run(control, sql).await;
        };
        let mut transaction = control.begin().await?;
        let ours: String =
            sqlx::query_scalar("SELECT current_setting('role')").fetch_one(&mut *transaction).await?;
        run(&mut transaction, format!("SET LOCAL ROLE {}", identifier(grantor))).await?;
        run(&mut transaction, sql).await?;
        // Within another transaction, it would last as long as that.
        sqlx::query("SELECT set_config('role', $1, true)").bind(ours).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Has the sessions of a new database read values as they were written into the dump; the other settings would stand in
    /// the way of a restore.
    pub(crate) async fn read_alike(
        &self,
        control: &mut PgConnection,
        name: &str,
        roles: bool,
    ) -> Result<(), RecoveryError> {
        self.set(control, name, |setting| setting.name == READING && (roles || setting.role.is_none())).await
    }

    /// Gives a database the settings alone, those of single roles where `roles`.
    pub(crate) async fn configure(
        &self,
        control: &mut PgConnection,
        name: &str,
        roles: bool,
    ) -> Result<(), RecoveryError> {
        run(control, format!("ALTER DATABASE {} RESET ALL", identifier(name))).await?;
        self.set(control, name, |setting| roles || setting.role.is_none()).await
    }

    async fn set(
        &self,
        control: &mut PgConnection,
        name: &str,
        which: impl Fn(&Configuration) -> bool,
    ) -> Result<(), RecoveryError> {
        let database = identifier(name);
        for setting in self.configuration.iter().filter(|setting| which(setting)) {
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
