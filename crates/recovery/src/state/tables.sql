-- Tables that hold rows of their own, partitions included. Of those that belong to an extension a dump holds only what the
-- extension calls its configuration, and of that only the rows for which the condition holds.
SELECT n.nspname::text AS schema,
       c.relname::text AS name,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS quoted,
       coalesce(a.columns, '{}') AS columns,
       coalesce(a.types, '{}') AS types,
       e.member IS NULL OR x.oid IS NOT NULL AS dumped,
       coalesce(x.condition, '') AS condition,
       -- Of a partition, the partitioned table that it belongs to in the end, and which rows it takes.
       CASE WHEN c.relispartition THEN
           (SELECT pg_catalog.format('%I.%I', rn.nspname, r.relname)
            FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
            WHERE r.oid = pg_catalog.pg_partition_root(c.oid))
       END AS root,
       pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound,
       pg_catalog.row_security_active(c.oid) AS hidden
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) ORDER BY a.attnum) AS columns,
           pg_catalog.array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
) a ON true
LEFT JOIN LATERAL (
    SELECT true AS member
    FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'
    LIMIT 1
) e ON true
LEFT JOIN LATERAL (
    SELECT p.extconfig[k.n] AS oid, p.extcondition[k.n] AS condition
    FROM pg_catalog.pg_extension p
    CROSS JOIN LATERAL pg_catalog.generate_subscripts(p.extconfig, 1) AS k (n)
    WHERE p.extconfig[k.n] = c.oid
    LIMIT 1
) x ON true
WHERE c.relkind = 'r'
  AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema'
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
