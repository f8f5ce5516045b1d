-- The tables that an application reads and writes, with their columns.
SELECT
    c.oid::int8 AS oid,
    c.oid::regclass::text AS name,
    c.relkind::text AS kind,
    a.attnum AS number,
    pg_catalog.quote_ident(a.attname) AS column_name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name,
    t.typcategory::text AS category,
    a.atthasdef OR a.attidentity <> '' AS has_default,
    a.attgenerated <> '' OR a.attidentity = 'a' AS is_generated,
    EXISTS (
        SELECT FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey::int2[])
    ) AS is_unique,
    EXISTS (
        SELECT FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey::int2[])
    ) AS is_key
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p', 'm', 'v') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
    AND c.relname NOT IN ('_sqlx_migrations', 'alembic_version')
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
ORDER BY c.oid::regclass::text, a.attnum
