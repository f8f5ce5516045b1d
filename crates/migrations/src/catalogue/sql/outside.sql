-- The names of tables that are referred to and stand in no schema of the system: parents of inheritance, owners of
-- sequences.
SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), a.attnum, pg_catalog.quote_ident(a.attname)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid = ANY ($1::oid[])
