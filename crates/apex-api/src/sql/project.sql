-- One project. Each column is cast to what is read of it: a prepared statement whose result changes its type, if only a
-- length, under a migration is refused by the server until its connection ends.
SELECT
    project_id::text, account_id::text, name::text, customer::text, description::text, site_name::text, street::text,
    status::text, created_by::text, updated_by::text, created_at::timestamptz, updated_at::timestamptz, etag::text,
    constants_version::text, content_sha256::text, confidence::double precision
FROM projects
WHERE project_id = $1
