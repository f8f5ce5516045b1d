-- A new project. None is inserted where the id is taken, which is how a repeated idempotency key is noticed.
INSERT INTO projects
    (project_id, account_id, name, customer, description, site_name, street, status, created_by, updated_by,
    created_at, updated_at, etag, constants_version, content_sha256, confidence)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (project_id) DO NOTHING
