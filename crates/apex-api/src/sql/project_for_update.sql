-- One project, held until the transaction ends: of several writers with one etag, the second reads what the first wrote.
-- Cast for the reason in project.sql.
SELECT
    project_id::text, account_id::text, name::text, customer::text, description::text, site_name::text, street::text,
    status::text, created_by::text, updated_by::text, created_at::timestamptz, updated_at::timestamptz, etag::text,
    constants_version::text, content_sha256::text, confidence::double precision
FROM projects
WHERE project_id = $1
FOR UPDATE
