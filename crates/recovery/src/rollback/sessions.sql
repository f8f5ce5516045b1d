-- $1: the database. Background workers of the server itself leave when asked to.
SELECT a.pid,
       coalesce(a.application_name, '') LIKE 'runbook%' AS ours,
       pg_catalog.format('%s of %s, process %s, %s', coalesce(nullif(a.application_name, ''), 'a session'), a.usename, a.pid,
              coalesce(a.state, 'state not shown')) AS shown
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = $1 AND a.pid <> pg_catalog.pg_backend_pid() AND a.backend_type IN ('client backend', 'walsender')
ORDER BY a.pid
