-- Primary keys of one column of smallint or integer, and how fast their tables have grown since the statistics were reset.
SELECT
    pg_catalog.format('%I.%I', n.nspname, c.relname) AS on_table,
    pg_catalog.format('%s.%s', n.nspname, c.relname) AS table_key,
    pg_catalog.quote_ident(a.attname) AS "column",
    CASE a.atttypid WHEN 'int2'::regtype THEN 32767 ELSE 2147483647 END::bigint AS largest,
    pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT') AS readable,
    CASE
        WHEN d.stats_reset < pg_catalog.now() - interval '1 day'
            THEN s.n_tup_ins / (extract(epoch FROM pg_catalog.now() - d.stats_reset)::double precision / 86400)
    END AS measured
FROM pg_constraint AS o
JOIN pg_class AS c ON c.oid = o.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = o.conrelid AND a.attnum = o.conkey[1]
LEFT JOIN pg_stat_user_tables AS s ON s.relid = c.oid
LEFT JOIN pg_stat_database AS d ON d.datname = pg_catalog.current_database()
WHERE n.nspname = ANY ($1)
    AND o.contype = 'p'
    AND pg_catalog.cardinality(o.conkey) = 1
    AND a.atttypid IN ('int2'::regtype, 'int4'::regtype)
    AND NOT c.relispartition
ORDER BY 1
