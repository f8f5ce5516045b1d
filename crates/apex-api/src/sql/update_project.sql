-- What an update may change; the envelope's columns follow.
UPDATE projects
SET
    name = $2, customer = $3, description = $4, site_name = $5, street = $6, status = $7, updated_by = $8,
    updated_at = $9, etag = $10, content_sha256 = $11, confidence = $12
WHERE project_id = $1
