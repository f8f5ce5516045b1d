-- One page and the number of all, from one snapshot. Oldest first: what is created while a caller pages comes
-- after the last page, so that no row is skipped and none is seen twice.
WITH matching AS (
    SELECT count(*) AS total
    FROM projects
    WHERE ($1::text IS NULL OR status = $1)
        AND ($2::text IS NULL OR project_id ILIKE $2 OR name ILIKE $2 OR customer ILIKE $2 OR description ILIKE $2)
)
SELECT
    matching.total, page.project_id IS NOT NULL AS found,
    page.project_id, page.account_id, page.name, page.customer, page.description, page.site_name, page.street,
    page.status, page.created_by, page.updated_by,
    page.created_at, page.updated_at, page.etag, page.constants_version, page.content_sha256, page.confidence
FROM matching
LEFT JOIN LATERAL (
    SELECT
        project_id, account_id, name, customer, description, site_name, street, status, created_by, updated_by,
        created_at, updated_at, etag, constants_version, content_sha256, confidence
    FROM projects
    WHERE ($1::text IS NULL OR status = $1)
        AND ($2::text IS NULL OR project_id ILIKE $2 OR name ILIKE $2 OR customer ILIKE $2 OR description ILIKE $2)
    ORDER BY created_at, project_id
    OFFSET $3 LIMIT $4
) AS page ON true
ORDER BY page.created_at, page.project_id
