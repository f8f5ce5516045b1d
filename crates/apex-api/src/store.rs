//! What is read from the database and written to it: a write and its audit event in one transaction.

use serde_json::{Value, json};
use sqlx::{FromRow as _, PgConnection, PgPool, Row as _};

use crate::envelope::hex;
use crate::error::ApiError;
use crate::identity;
use crate::project::{self, Project};
use crate::status::Status;

/// What a caller says about a new project.
#[derive(Debug, Clone)]
pub(crate) struct NewProject {
    pub(crate) name: String,
    pub(crate) account_id: String,
    pub(crate) created_by: String,
    pub(crate) customer: Option<String>,
    pub(crate) description: Option<String>,
}

/// What a caller changes; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    pub(crate) name: Option<String>,
    pub(crate) customer: Option<Option<String>>,
    pub(crate) description: Option<Option<String>>,
    pub(crate) site_name: Option<Option<String>>,
    pub(crate) street: Option<Option<String>>,
    pub(crate) status: Option<Status>,
    pub(crate) confidence: Option<f64>,
    pub(crate) updated_by: Option<String>,
}

/// The etags of an `If-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Match {
    Any,
    Etags(Vec<String>),
}

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) total: i64,
    pub(crate) projects: Vec<Project>,
}

/// One project.
pub(crate) async fn read(pool: &PgPool, project_id: &str) -> Result<Project, ApiError> {
    sqlx::query_as(include_str!("sql/project.sql"))
        .bind(project_id)
        .fetch_optional(pool)
        .await?
        .ok_or(ApiError::NoProject)
}

/// A page of the projects in a status (any without one) that hold `text` somewhere.
pub(crate) async fn list(
    pool: &PgPool,
    status: Option<Status>,
    text: Option<&str>,
    skip: i64,
    limit: i64,
) -> Result<Page, ApiError> {
    let rows = sqlx::query(include_str!("sql/list_projects.sql"))
        .bind(status.map(Status::name))
        .bind(text.map(containing))
        .bind(skip)
        .bind(limit)
        // Planned for these very values: a filter that is not given costs nothing, and a partial index can serve.
        .persistent(false)
        .fetch_all(pool)
        .await?;
    let total = rows.first().map_or(Ok(0), |row| row.try_get("total"))?;
    let mut projects = Vec::with_capacity(rows.len());
    for row in &rows {
        if row.try_get("found")? {
            projects.push(Project::from_row(row)?);
        }
    }
    Ok(Page { total, projects })
}

/// Creates a project; with an idempotency key, gives back the one that the key made before.
pub(crate) async fn create(
    pool: &PgPool,
    new: NewProject,
    key: Option<&str>,
) -> Result<(Project, bool), ApiError> {
    let request = hex(json!([new.name, new.account_id, new.created_by, new.customer, new.description])
        .to_string()
        .as_bytes());
    let mut transaction = pool.begin().await?;
    let constants: String =
        sqlx::query_scalar(include_str!("sql/constants_version.sql")).fetch_one(&mut *transaction).await?;
    let now = project::now();
    let mut project = Project {
        project_id: key.map_or_else(identity::project_id, identity::project_id_of),
        account_id: new.account_id,
        name: new.name,
        customer: new.customer,
        description: new.description,
        site_name: None,
        street: None,
        status: Status::Draft.name().to_owned(),
        updated_by: new.created_by.clone(),
        created_by: new.created_by,
        created_at: now,
        updated_at: now,
        etag: None,
        constants_version: Some(constants),
        content_sha256: None,
        confidence: Some(1.0),
    };
    project.seal()?;
    if insert(&mut transaction, &project).await? == 0 {
        transaction.rollback().await?;
        return repeated(pool, &project.project_id, &request).await.map(|project| (project, true));
    }
    let data = json!({ "status": project.status, "request_sha256": request });
    event(&mut transaction, &project, "project.created", &data).await?;
    transaction.commit().await?;
    Ok((project, false))
}

/// Changes a project whose etag is one of `etags`.
pub(crate) async fn update(
    pool: &PgPool,
    project_id: &str,
    etags: &Match,
    change: Change,
) -> Result<Project, ApiError> {
    let mut transaction = pool.begin().await?;
    let mut project: Project = sqlx::query_as(include_str!("sql/project_for_update.sql"))
        .bind(project_id)
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or(ApiError::NoProject)?;
    if let Match::Etags(etags) = etags
        && !project.etag.as_ref().is_some_and(|etag| etags.contains(etag))
    {
        return Err(ApiError::StaleEtag);
    }
    // The column's CHECK knows no other names.
    let from = Status::named(&project.status).ok_or(ApiError::Internal)?;
    let to = change.status.unwrap_or(from);
    if !from.may_become(to) {
        return Err(ApiError::Transition { from, to });
    }
    let fields = changed(&change);
    apply(&mut project, change, to)?;
    write(&mut transaction, &project).await?;
    // An edit that comes with a transition is told for itself: what was changed is in the log, whatever else was.
    if from == to || !fields.is_empty() {
        event(&mut transaction, &project, "project.updated", &json!({ "fields": fields })).await?;
    }
    if from != to {
        let data = json!({ "from": from.name(), "to": to.name() });
        event(&mut transaction, &project, "project.status_changed", &data).await?;
    }
    transaction.commit().await?;
    Ok(project)
}

/// The project of a key that was used before, if it was for the same request.
async fn repeated(pool: &PgPool, project_id: &str, request: &str) -> Result<Project, ApiError> {
    let first: Option<Option<String>> = sqlx::query_scalar(include_str!("sql/request_of_creation.sql"))
        .bind(project_id)
        .fetch_optional(pool)
        .await?;
    if first.flatten().as_deref() != Some(request) {
        return Err(ApiError::KeyReused);
    }
    read(pool, project_id).await
}

async fn insert(connection: &mut PgConnection, project: &Project) -> Result<u64, ApiError> {
    let done = sqlx::query(include_str!("sql/insert_project.sql"))
        .bind(&project.project_id)
        .bind(&project.account_id)
        .bind(&project.name)
        .bind(&project.customer)
        .bind(&project.description)
        .bind(&project.site_name)
        .bind(&project.street)
        .bind(&project.status)
        .bind(&project.created_by)
        .bind(&project.updated_by)
        .bind(project.created_at)
        .bind(project.updated_at)
        .bind(&project.etag)
        .bind(&project.constants_version)
        .bind(&project.content_sha256)
        .bind(project.confidence)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

async fn write(connection: &mut PgConnection, project: &Project) -> Result<(), ApiError> {
    sqlx::query(include_str!("sql/update_project.sql"))
        .bind(&project.project_id)
        .bind(&project.name)
        .bind(&project.customer)
        .bind(&project.description)
        .bind(&project.site_name)
        .bind(&project.street)
        .bind(&project.status)
        .bind(&project.updated_by)
        .bind(project.updated_at)
        .bind(&project.etag)
        .bind(&project.content_sha256)
        .bind(project.confidence)
        .execute(connection)
        .await?;
    Ok(())
}

async fn event(
    connection: &mut PgConnection,
    project: &Project,
    kind: &str,
    data: &Value,
) -> Result<(), ApiError> {
    sqlx::query(include_str!("sql/insert_event.sql"))
        .bind(&project.project_id)
        .bind(kind)
        .bind(&project.updated_by)
        .bind(project.updated_at)
        .bind(data.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// The names of the fields that a change gives.
fn changed(change: &Change) -> Vec<&'static str> {
    [
        ("name", change.name.is_some()),
        ("customer", change.customer.is_some()),
        ("description", change.description.is_some()),
        ("site_name", change.site_name.is_some()),
        ("street", change.street.is_some()),
        ("confidence", change.confidence.is_some()),
    ]
    .into_iter()
    .filter_map(|(field, given)| given.then_some(field))
    .collect()
}

fn apply(project: &mut Project, change: Change, status: Status) -> Result<(), ApiError> {
    project.name = change.name.unwrap_or_else(|| std::mem::take(&mut project.name));
    for (column, given) in [
        (&mut project.customer, change.customer),
        (&mut project.description, change.description),
        (&mut project.site_name, change.site_name),
        (&mut project.street, change.street),
    ] {
        if let Some(value) = given {
            *column = value;
        }
    }
    project.status = status.name().to_owned();
    project.confidence = change.confidence.or(project.confidence);
    project.updated_by = change.updated_by.unwrap_or_else(|| "anonymous".into());
    // Two writes within a microsecond, or a clock set back, must not make the newer one look older.
    project.updated_at = project::now().max(project.updated_at);
    project.seal()
}

/// A LIKE pattern for texts that hold `text`, whose own `%`, `_` and `\` mean themselves.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
