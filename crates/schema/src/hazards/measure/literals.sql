-- The values that a CHECK of one column lists: the application may write each of them.
SELECT DISTINCT
    c.conrelid::regclass::text AS table_name,
    pg_catalog.quote_ident(a.attname) AS column_name,
    pg_catalog.quote_literal(m[1]) AS value
FROM pg_catalog.pg_constraint AS c
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
CROSS JOIN LATERAL pg_catalog.regexp_matches(pg_catalog.pg_get_constraintdef(c.oid), '''((?:[^'']|'''')*)''::', 'g') AS m
WHERE c.contype = 'c' AND pg_catalog.cardinality(c.conkey) = 1
ORDER BY 1, 2, 3
