-- $1: the schemas. Indexes that pg_dump leaves out: a failed concurrent build left them.
SELECT pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind <> 'I' AND n.nspname = ANY ($1)
