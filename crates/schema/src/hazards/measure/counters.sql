-- How far the WAL is, and the temporary files of this database so far, those of open transactions left out.
SELECT
    (pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::int8 AS wal,
    coalesce((SELECT d.temp_bytes FROM pg_catalog.pg_stat_database AS d WHERE d.datname = pg_catalog.current_database()), 0)::int8
        AS temporary
