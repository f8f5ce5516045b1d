-- Columns and their types.
SELECT
    pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname) AS name,
    pg_catalog.format('%s.%s.%s', n.nspname, c.relname, a.attname) AS key,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS kind,
    pg_catalog.format('%I.%I', n.nspname, c.relname) AS on_table,
    pg_catalog.quote_ident(a.attname) AS "column"
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1)
    AND c.relkind IN ('r', 'p', 'f', 'v')
    AND a.attnum > 0
    AND NOT a.attisdropped
