-- Each session of this database, what of it is older than it may be, and whether the role sees that of others.
-- $1 seconds.
SELECT
    format('session %s of %s (%s)', a.pid, coalesce(quote_ident(a.usename), 'nobody'), to_json(left(a.application_name, 60)))
        AS session,
    CASE
        WHEN now.time - a.xact_start > limits.age AND a.state LIKE 'idle in transaction%'
            THEN format('has been idle in a transaction, which began %s s ago', extract(epoch FROM now.time - a.xact_start)::bigint)
        WHEN now.time - a.xact_start > limits.age AND cardinality(pg_blocking_pids(a.pid)) > 0
            THEN format(
                'waits for %s, in a transaction that began %s s ago',
                array_to_string(pg_blocking_pids(a.pid), ', '), extract(epoch FROM now.time - a.xact_start)::bigint
            )
        WHEN now.time - a.xact_start > limits.age
            THEN format('runs a transaction that began %s s ago', extract(epoch FROM now.time - a.xact_start)::bigint)
    END AS problem,
    format('SELECT pg_terminate_backend(%s), after asking who it is', a.pid) AS remedy,
    pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS permitted,
    quote_ident(current_user) AS role
FROM pg_catalog.pg_stat_activity AS a
CROSS JOIN (SELECT clock_timestamp() AS time) AS now
CROSS JOIN (SELECT make_interval(secs => $1::double precision) AS age) AS limits
WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
UNION ALL
-- This very session: it is examined too, and is young.
SELECT 'this session', NULL, '', pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), quote_ident(current_user)
UNION ALL
SELECT
    format('prepared transaction %s of %s', to_json(left(p.gid, 60)), quote_ident(p.owner)),
    CASE
        WHEN clock_timestamp() - p.prepared > make_interval(secs => $1::double precision)
            THEN format('was prepared %s s ago and never ended', extract(epoch FROM clock_timestamp() - p.prepared)::bigint)
    END,
    format('COMMIT PREPARED %L or ROLLBACK PREPARED %L', p.gid, p.gid),
    true,
    quote_ident(current_user)
FROM pg_catalog.pg_prepared_xacts AS p
WHERE p.database = current_database()
ORDER BY 1
