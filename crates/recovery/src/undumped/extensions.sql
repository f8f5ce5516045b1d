-- In the order in which they were made, so that one comes after those that it needs.
SELECT e.extname::text AS name,
       n.nspname::text AS schema,
       e.extversion AS version,
       -- NULL where the server has not even its files.
       coalesce(e.extversion = a.default_version, false) AS is_default
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
LEFT JOIN pg_catalog.pg_available_extensions a ON a.name = e.extname
ORDER BY e.oid
