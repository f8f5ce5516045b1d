//! Projects: create, read, list, update.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{ETAG, IF_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use crate::body;
use crate::envelope::Envelope;
use crate::error::{ApiError, Problem};
use crate::fields::Fields;
use crate::openapi::{
    Change as ChangeSchema, Envelope as EnvelopeSchema, NewProject as NewProjectSchema, Page,
    Project as ProjectSchema, Refusal, Status as StatusSchema,
};
use crate::project::Project;
use crate::service::Service;
use crate::status::Status;
use crate::store::{self, Change, Match, NewProject};

/// Characters of a `varchar(255)`.
const SHORT: usize = 255;
/// Projects on a page, without and with a `limit`.
const PAGE: i64 = 50;
const LARGEST_PAGE: i64 = 100;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The parameters of a list. Numbers are read as text, to refuse them in our own words.
#[derive(Debug, Deserialize)]
pub(crate) struct Listing {
    skip: Option<String>,
    limit: Option<String>,
    status: Option<String>,
    q: Option<String>,
}

/// `POST /projects`
#[utoipa::path(
    post, path = "/projects", tag = "projects", request_body = NewProjectSchema,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "the same key, the same project",
            max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$")
    ),
    responses(
        (status = 201, description = "a draft", body = EnvelopeSchema<ProjectSchema>),
        (status = 409, description = "the key was used for another request", body = EnvelopeSchema<Refusal>),
        (status = 413, description = "larger than 1 MiB", body = EnvelopeSchema<Refusal>),
        (status = 422, description = "what is wrong, all of it", body = EnvelopeSchema<Refusal>),
        (status = 503, description = "under maintenance, or no database; Retry-After says when to come back", body = EnvelopeSchema<Refusal>),
        (status = 504, description = "it took too long", body = EnvelopeSchema<Refusal>),
    )
)]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, ApiError> {
    let key = idempotency_key(request.headers())?;
    let mut fields = Fields::new(body::object(request, service.limits.body).await?);
    let new = NewProject {
        name: fields.required("name", SHORT),
        account_id: fields.required("account_id", SHORT),
        created_by: fields.required("created_by", SHORT),
        customer: fields.optional("customer", Some(SHORT)).flatten(),
        description: fields.optional("description", None).flatten(),
    };
    fields.finish()?;
    let (project, replayed) = store::create(&service.pool, new, key.as_deref()).await?;
    let mut response = answer(&project, StatusCode::CREATED)?;
    // An id is letters, digits and `_`.
    if let Ok(location) = HeaderValue::from_str(&format!("/projects/{}", project.project_id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    if replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// `GET /projects/{id}`
#[utoipa::path(
    get, path = "/projects/{id}", tag = "projects",
    params(("id" = String, Path, description = "its project_id")),
    responses(
        (status = 200, description = "the project", body = EnvelopeSchema<ProjectSchema>),
        (status = 404, description = "there is no such project", body = EnvelopeSchema<Refusal>),
        (status = 503, description = "under maintenance, or no database; Retry-After says when to come back", body = EnvelopeSchema<Refusal>),
        (status = 504, description = "it took too long", body = EnvelopeSchema<Refusal>),
    )
)]
pub(crate) async fn read(
    State(service): State<Arc<Service>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let project = store::read(&service.pool, &project_id(id)?).await?;
    answer(&project, StatusCode::OK)
}

/// `GET /projects`
#[utoipa::path(
    get, path = "/projects", tag = "projects",
    params(
        ("skip" = Option<i64>, Query, description = "how many come before the page", minimum = 0, nullable = false),
        ("limit" = Option<i64>, Query, description = "how long it is", minimum = 1, maximum = 100, nullable = false),
        ("status" = Option<StatusSchema>, Query, description = "of these only"),
        ("q" = Option<String>, Query, description = "that hold this text somewhere", pattern = "^[^\\u0000]*$", nullable = false),
    ),
    responses(
        (status = 200, description = "a page", body = EnvelopeSchema<Page>),
        (status = 422, description = "a parameter that cannot be used", body = EnvelopeSchema<Refusal>),
        (status = 503, description = "under maintenance, or no database; Retry-After says when to come back", body = EnvelopeSchema<Refusal>),
        (status = 504, description = "it took too long", body = EnvelopeSchema<Refusal>),
    )
)]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    query: Result<Query<Listing>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(listing) =
        query.map_err(|_| ApiError::Invalid(vec![Problem::new("query", "the parameters cannot be read")]))?;
    let mut problems = Vec::new();
    let skip = number(listing.skip.as_deref(), "skip", 0, 0..=i64::MAX, &mut problems);
    let limit = number(listing.limit.as_deref(), "limit", PAGE, 1..=LARGEST_PAGE, &mut problems);
    let status = listing.status.as_deref().and_then(|name| {
        let status = Status::named(name);
        if status.is_none() {
            problems.push(Problem::new("status", format!("must be one of {}", names())));
        }
        status
    });
    let text = listing.q.as_deref().filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.contains('\0')) {
        problems.push(Problem::new("q", "holds a NUL character"));
    }
    if !problems.is_empty() {
        return Err(ApiError::Invalid(problems));
    }
    let page = store::list(&service.pool, status, text, skip, limit).await?;
    let confidence = page.projects.iter().map(|p| p.confidence.unwrap_or(0.0)).fold(1.0, f64::min);
    let items: Vec<_> = page.projects.iter().map(Project::result).collect::<Result<_, _>>()?;
    let inputs = json!({ "skip": skip, "limit": limit, "status": status.map(Status::name), "q": text });
    Ok(Envelope::of(json!({ "items": items, "total": page.total, "skip": skip, "limit": limit }))
        .confidence(confidence)
        .inputs(inputs)
        .respond(StatusCode::OK))
}

/// `PUT /projects/{id}`
#[utoipa::path(
    put, path = "/projects/{id}", tag = "projects", request_body = ChangeSchema,
    params(
        ("id" = String, Path, description = "its project_id"),
        ("If-Match" = String, Header, description = "the etag that it was read with"),
    ),
    responses(
        (status = 200, description = "the project as it is now", body = EnvelopeSchema<ProjectSchema>),
        (status = 404, description = "there is no such project", body = EnvelopeSchema<Refusal>),
        (status = 412, description = "it has changed since, or cannot become that", body = EnvelopeSchema<Refusal>),
        (status = 428, description = "without If-Match", body = EnvelopeSchema<Refusal>),
        (status = 413, description = "larger than 1 MiB", body = EnvelopeSchema<Refusal>),
        (status = 422, description = "what is wrong, all of it", body = EnvelopeSchema<Refusal>),
        (status = 503, description = "under maintenance, or no database; Retry-After says when to come back", body = EnvelopeSchema<Refusal>),
        (status = 504, description = "it took too long", body = EnvelopeSchema<Refusal>),
    )
)]
pub(crate) async fn update(
    State(service): State<Arc<Service>>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let id = project_id(id)?;
    let etags = etags(request.headers());
    let mut fields = Fields::new(body::object(request, service.limits.body).await?);
    if fields.is_empty() {
        return Err(ApiError::body("it names no field to change"));
    }
    let change = Change {
        name: fields.filled("name", SHORT),
        customer: fields.optional("customer", Some(SHORT)),
        description: fields.optional("description", None),
        site_name: fields.optional("site_name", Some(SHORT)),
        street: fields.optional("street", Some(SHORT)),
        status: fields.filled("status", 50).and_then(|name| {
            Status::named(&name).or_else(|| fields.problem("status", format!("must be one of {}", names())))
        }),
        confidence: fields.fraction("confidence"),
        updated_by: fields.filled("updated_by", SHORT),
    };
    fields.finish()?;
    let project = store::update(&service.pool, &id, &etags.ok_or(ApiError::NoIfMatch)?, change).await?;
    answer(&project, StatusCode::OK)
}

fn answer(project: &Project, status: StatusCode) -> Result<Response, ApiError> {
    let envelope = project.envelope()?.inputs(json!({ "project_id": project.project_id }));
    let mut response = envelope.respond(status);
    let etag = project.etag.as_ref().and_then(|etag| HeaderValue::from_str(&format!("\"{etag}\"")).ok());
    if let Some(etag) = etag {
        response.headers_mut().insert(ETAG, etag);
    }
    Ok(response)
}

/// An id that no column can hold is the id of no project.
fn project_id(id: Result<Path<String>, PathRejection>) -> Result<String, ApiError> {
    match id {
        Ok(Path(id)) if !id.contains('\0') && id.chars().count() <= SHORT => Ok(id),
        _ => Err(ApiError::NoProject),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = given.next() else { return Ok(None) };
    match (value.to_str(), given.next()) {
        (Ok(key), None) if is_key(key.trim()) => Ok(Some(key.trim().to_owned())),
        _ => Err(ApiError::Invalid(vec![Problem::new(
            "Idempotency-Key",
            format!("must be given once, as 1 to {SHORT} visible ASCII characters"),
        )])),
    }
}

fn is_key(key: &str) -> bool {
    (1..=SHORT).contains(&key.len()) && key.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// The etags of `If-Match` (RFC 9110, 13.1.1). A weak one never matches, nor does what is no etag; one without quotes
/// is read as it is meant. `*` stands alone.
fn etags(headers: &HeaderMap) -> Option<Match> {
    let lines: Vec<_> = headers.get_all(IF_MATCH).iter().collect();
    if lines.is_empty() {
        return None;
    }
    // Several lines are one list.
    let list = lines.iter().filter_map(|line| line.to_str().ok()).collect::<Vec<_>>().join(",");
    if list.trim() == "*" {
        return Some(Match::Any);
    }
    let mut quoted = false;
    let members = list.split(|character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    });
    Some(Match::Etags(members.filter_map(|member| etag(member.trim())).map(ToOwned::to_owned).collect()))
}

fn etag(member: &str) -> Option<&str> {
    let inner = member.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let bare = || (!matches!(member, "" | "*")).then_some(member);
    inner.or_else(bare).filter(|etag| !etag.contains('"'))
}

fn number(
    text: Option<&str>,
    field: &str,
    default: i64,
    range: std::ops::RangeInclusive<i64>,
    problems: &mut Vec<Problem>,
) -> i64 {
    let Some(text) = text else { return default };
    match text.parse() {
        // Rust's numbers may begin with a `+`, JSON's may not.
        Ok(number) if !text.starts_with('+') && range.contains(&number) => number,
        _ => {
            let (least, most) = (range.start(), range.end());
            problems.push(Problem::new(field, format!("must be a whole number from {least} to {most}")));
            default
        }
    }
}

fn names() -> String {
    Status::ALL.map(Status::name).join(", ")
}
