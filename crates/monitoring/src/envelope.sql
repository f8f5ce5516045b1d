-- The table and the columns that the settings name, as the catalogue knows them, and the query that counts the rows
-- with a null in each; its condition may end with a comment. $1 table, $2 columns, $3 condition.
SELECT
    c.oid::regclass::text AS name,
    coalesce(pg_catalog.array_agg(pg_catalog.quote_ident(named.name) ORDER BY named.position) FILTER (WHERE a.attnum IS NOT NULL), '{}') AS columns,
    coalesce(pg_catalog.array_agg(named.name ORDER BY named.position) FILTER (WHERE a.attnum IS NULL), '{}') AS absent,
    pg_catalog.format(
        'SELECT pg_catalog.count(*) AS written, ARRAY[%s]::bigint[] AS empty FROM %I.%I WHERE (%s
)',
        pg_catalog.string_agg(pg_catalog.format('pg_catalog.count(*) FILTER (WHERE %I IS NULL)', named.name), ', ' ORDER BY named.position)
            FILTER (WHERE a.attnum IS NOT NULL),
        n.nspname, c.relname, $3::text
    ) AS counting
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN pg_catalog.unnest($2::text[]) WITH ORDINALITY AS named (name, position)
LEFT JOIN pg_catalog.pg_attribute AS a
    ON a.attrelid = c.oid AND a.attname = named.name AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid = pg_catalog.to_regclass($1::text)
GROUP BY c.oid, n.nspname, c.relname
