-- The locks that a session holds on relations of its database, and the one that it waits for.
SELECT l.relation::int8 AS oid, l.mode
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_database AS d ON d.oid = l.database
WHERE d.datname = pg_catalog.current_database() AND l.locktype = 'relation' AND l.pid = $1
