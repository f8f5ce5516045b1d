-- How often each table of the system was read, by which way, and from where.
SELECT
    t.relid::bigint AS relation,
    pg_catalog.format('%I.%I', t.schemaname, t.relname) AS name,
    coalesce(t.seq_scan, 0) AS seq_scans,
    coalesce(t.idx_scan, 0) AS idx_scans,
    coalesce(io.idx_blks_hit, 0) AS idx_hit,
    coalesce(io.idx_blks_read, 0) AS idx_read,
    coalesce(pg_catalog.pg_relation_size(t.relid), 0) / pg_catalog.current_setting('block_size')::bigint AS blocks
FROM pg_catalog.pg_stat_user_tables AS t
JOIN pg_catalog.pg_statio_user_tables AS io ON io.relid = t.relid
WHERE t.schemaname = ANY ($1)
ORDER BY 1
