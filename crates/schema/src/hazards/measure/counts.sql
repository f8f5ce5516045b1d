-- A query a table that counts its rows, and of each column its values, their length and their sum.
SELECT
    c.oid::int8 AS oid,
    c.oid::regclass::text AS name,
    'SELECT count(*), ARRAY[' || pg_catalog.string_agg(
        'count(' || pg_catalog.quote_ident(a.attname) || ')::float8, '
        || CASE t.typcategory
            WHEN 'S' THEN 'coalesce(sum(length(' || pg_catalog.quote_ident(a.attname) || '::text)), 0)::float8'
            WHEN 'N' THEN 'coalesce(sum(' || pg_catalog.quote_ident(a.attname) || '::numeric), 0)::float8'
            ELSE '0::float8'
        END, ', ' ORDER BY a.attnum) || '] FROM ' || c.oid::regclass::text AS query,
    pg_catalog.array_agg(a.attnum ORDER BY a.attnum) AS numbers,
    pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) ORDER BY a.attnum) AS names,
    pg_catalog.array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
    AND c.relname NOT IN ('_sqlx_migrations', 'alembic_version')
GROUP BY c.oid
ORDER BY 2
