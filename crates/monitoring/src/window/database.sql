-- How many blocks this database asked for, how many of them were in shared buffers, and how large it is.
SELECT
    d.blks_hit AS hit,
    d.blks_read AS read,
    coalesce(d.stats_reset::text, 'never') AS reset,
    pg_catalog.pg_database_size(d.datid) / pg_catalog.current_setting('block_size')::bigint AS blocks
FROM pg_catalog.pg_stat_database AS d
WHERE d.datname = pg_catalog.current_database()
