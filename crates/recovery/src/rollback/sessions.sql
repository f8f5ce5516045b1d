-- $1: the database. Background workers of the server itself leave when asked to; those of a subscription come back.
SELECT a.pid,
       coalesce(a.application_name, '') LIKE 'runbook%' AND a.backend_type = 'client backend' AS ours,
       pg_catalog.format('%s of %s, process %s, %s',
              CASE a.backend_type
                  WHEN 'client backend' THEN coalesce(nullif(a.application_name, ''), 'a session')
                  ELSE a.backend_type
              END,
              a.usename, a.pid, coalesce(a.state, 'state not shown')) AS shown
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = $1 AND a.pid <> pg_catalog.pg_backend_pid()
  AND (a.backend_type IN ('client backend', 'walsender') OR a.backend_type LIKE 'logical replication %worker')
ORDER BY a.pid
