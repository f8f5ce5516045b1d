-- $1: the database. Background workers of the server itself leave when asked to; those of a subscription come back. What a
-- session of another role is and does, the server hides from a role that may not see it (its type is NULL): it is there.
SELECT a.pid,
       coalesce(a.application_name LIKE 'runbook%' AND a.backend_type = 'client backend', false) AS ours,
       pg_catalog.format('%s of %s, process %s, %s',
              CASE coalesce(a.backend_type, 'client backend')
                  WHEN 'client backend' THEN coalesce(nullif(a.application_name, ''), 'a session')
                  ELSE a.backend_type
              END,
              a.usename, a.pid, coalesce(a.state, 'state not shown')) AS shown
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = $1 AND a.pid <> pg_catalog.pg_backend_pid()
  AND (
      a.backend_type IN ('client backend', 'walsender') OR a.backend_type LIKE 'logical replication %worker'
      OR a.backend_type IS NULL AND a.usename IS NOT NULL
  )
ORDER BY a.pid
