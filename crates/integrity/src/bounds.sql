-- Values of the column $2 of the relation $1 between which there are about as many rows each, as SQL literals. Only
-- such as need no escapes: they part a scan, and it does not matter which of them do.
SELECT format('%L::%s', bound.value, format_type(a.atttypid, a.atttypmod)) AS bound
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = $2::integer
JOIN pg_catalog.pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
CROSS JOIN unnest(s.histogram_bounds::text::text[]) WITH ORDINALITY AS bound (value, position)
WHERE c.oid = $1::bigint::oid AND s.inherited = (c.relkind = 'p') AND bound.value ~ '^[ -&(-[\]-~]*$'
ORDER BY bound.position
