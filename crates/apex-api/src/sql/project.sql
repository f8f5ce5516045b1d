-- One project.
SELECT
    project_id, account_id, name, customer, description, site_name, street, status, created_by, updated_by,
    created_at, updated_at, etag, constants_version, content_sha256, confidence
FROM projects
WHERE project_id = $1
