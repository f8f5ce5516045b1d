-- Every relation: what hides its rows from the role, by which columns its rows are told apart, and how large it
-- is, where somebody has measured it (VACUUM, ANALYZE, CREATE INDEX).
SELECT
    c.oid::bigint AS relation,
    CASE
        WHEN NOT has_schema_privilege(n.oid, 'USAGE')
            THEN format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, current_user)
        WHEN NOT has_table_privilege(c.oid, 'SELECT')
            THEN format(
                'GRANT SELECT ON %s%I.%I TO %I',
                CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END, n.nspname, c.relname, current_user
            )
        WHEN row_security_active(c.oid)
            THEN format('ALTER ROLE %I BYPASSRLS', current_user)
    END AS missing,
    coalesce(k.columns, ARRAY['ctid']) AS key,
    CASE c.relkind
        WHEN 'p' THEN (
            SELECT coalesce(sum(leaf.relpages), 0)
            FROM pg_catalog.pg_partition_tree(c.oid::regclass) AS t
            JOIN pg_catalog.pg_class AS leaf ON leaf.oid = t.relid AND t.isleaf
        )
        ELSE greatest(c.relpages, 0)
    END::float8 AS pages,
    c.relkind NOT IN ('r', 'm') OR c.reltuples >= 0 AS measured
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT array_agg(quote_ident(a.attname) ORDER BY u.position) AS columns
    FROM pg_catalog.pg_index AS i
    CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS u (attnum, position)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = u.attnum
    WHERE i.indrelid = c.oid AND i.indisprimary AND u.position <= i.indnkeyatts
) AS k ON true
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f', 'S')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1
