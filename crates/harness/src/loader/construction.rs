//! Foreign keys that hold by construction: every value of theirs is taken from the very row that is referred to.

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use super::compile::Compiled;
use super::plan::{Generator, Plan, TablePlan};
use super::stream::Target;
use crate::HarnessError;

#[derive(Debug, FromRow)]
struct Reference {
    schema: String,
    referenced: String,
    columns: Vec<String>,
    keys: Vec<String>,
}

/// Whether all foreign keys of these tables hold by construction, and the role may leave their check out.
pub(super) async fn holds(
    connection: &mut PgConnection,
    compiled: &Compiled,
    targets: &[Target],
) -> Result<bool, HarnessError> {
    let plan = &compiled.plan;
    for target in targets {
        let references: Vec<Reference> = sqlx::query_as(include_str!("references.sql"))
            .bind(&target.schema)
            .bind(&target.name)
            .fetch_all(&mut *connection)
            .await
            .map_err(HarnessError::sql("reading the foreign keys of a table"))?;
        for reference in &references {
            let filled = targets
                .iter()
                .any(|other| other.name == reference.referenced && other.schema == reference.schema);
            if !filled || !taken_from(plan, &plan.tables[target.place], reference) {
                return Ok(false);
            }
        }
    }
    // A superuser, or who was granted it.
    Ok(crate::template::execute(
        connection,
        "SET session_replication_role = replica; RESET session_replication_role".into(),
    )
    .await
    .is_ok())
}

/// Whether each column is taken from the key that it refers to, and all of them from one row.
fn taken_from(plan: &Plan, table: &TablePlan, reference: &Reference) -> bool {
    let mut rows = Vec::new();
    for (name, key) in reference.columns.iter().zip(&reference.keys) {
        let Some(column) = table.columns.iter().find(|column| column.name.get_ref() == name) else {
            return false;
        };
        let (of, taken, row) = match &column.make {
            Generator::Parent(taken) => {
                let Some(each) = &table.each else { return false };
                (each.of.get_ref(), taken, "its parent".to_owned())
            }
            Generator::Pick { table, column: taken, group, .. } => {
                (table, taken, group.clone().unwrap_or_else(|| name.clone()))
            }
            Generator::Turn { table, column: taken, stride } => (table, taken, stride.to_string()),
            _ => return false,
        };
        let named = plan.place(of).map(|place| plan.tables[place].name.get_ref());
        if named != Some(&reference.referenced) || taken != key {
            return false;
        }
        rows.push(row);
    }
    rows.windows(2).all(|pair| pair[0] == pair[1])
}
