-- The tables that are named, and the largest: a statement that reads a row of each, and one that writes it. A row is found
-- by its key, where that is one column.
SELECT
    c.oid::regclass::text AS name,
    CASE WHEN k.attname IS NULL THEN pg_catalog.format('SELECT * FROM %s LIMIT 1', c.oid::regclass)
        ELSE pg_catalog.format('SELECT * FROM %1$s WHERE %2$I = (SELECT max(%2$I) FROM %1$s)', c.oid::regclass, k.attname)
    END AS reading,
    CASE WHEN c.relkind = 'm' THEN NULL
        WHEN k.attname IS NOT NULL
            THEN pg_catalog.format('UPDATE %1$s SET %2$I = %2$I WHERE %2$I = (SELECT max(%2$I) FROM %1$s)', c.oid::regclass, k.attname)
        WHEN w.attname IS NOT NULL
            THEN pg_catalog.format('UPDATE %1$s SET %2$I = %2$I WHERE ctid = (SELECT ctid FROM %1$s LIMIT 1)', c.oid::regclass, w.attname)
    END AS writing
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT a.attname
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1 AND a.attidentity <> 'a'
) AS k ON true
LEFT JOIN LATERAL (
    SELECT a.attname
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'
    ORDER BY a.attnum
    LIMIT 1
) AS w ON true
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
    AND c.relname NOT IN ('_sqlx_migrations', 'alembic_version')
    AND (c.relkind <> 'm' OR c.relispopulated)
ORDER BY (c.oid::regclass::text = ANY ($2)) DESC, c.reltuples DESC, c.oid::regclass::text
LIMIT $1 + pg_catalog.cardinality($2)
