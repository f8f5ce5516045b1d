-- Constraints of tables and domains. From 18 on (17 for domains), NOT NULL is one as well; it is told by its column,
-- unless it is not valid.
SELECT
    o.oid,
    o.conrelid,
    o.contypid,
    pg_catalog.quote_ident(o.conname),
    o.contype::text,
    o.conindid,
    pg_catalog.pg_get_constraintdef(o.oid)
FROM pg_constraint AS o
JOIN pg_namespace AS n ON n.oid = o.connamespace
WHERE n.nspname = ANY ($1)
    AND (o.contype IN ('c', 'f', 'p', 'u', 'x') OR (o.contype = 'n' AND NOT o.convalidated))
