-- $1: the name that a database has which a rollback replaced; a number follows where that was taken.
SELECT d.datname::text
FROM pg_catalog.pg_database d
WHERE d.datname = $1 OR pg_catalog.starts_with(d.datname::text, pg_catalog.concat($1::text, '_'))
ORDER BY pg_catalog.length(d.datname::text), d.datname
