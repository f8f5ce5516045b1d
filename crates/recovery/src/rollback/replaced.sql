-- $1: the name that a database has which a rollback replaced; a number follows where that was taken.
-- -2: the server began to drop it, and was interrupted.
SELECT d.datname::text AS name, d.datconnlimit = -2 AS half_dropped
FROM pg_catalog.pg_database d
WHERE d.datname = $1 OR pg_catalog.starts_with(d.datname::text, pg_catalog.concat($1::text, '_'))
ORDER BY pg_catalog.length(d.datname::text), d.datname
