-- Each session of this database, what of it is older than it may be, and whether the role sees that of others.
-- $1 seconds.
SELECT
    pg_catalog.format('session %s of %s (%s)', a.pid, coalesce(pg_catalog.quote_ident(a.usename), 'nobody'), pg_catalog.to_json(pg_catalog.left(a.application_name, 60)))
        AS session,
    CASE
        WHEN now.time - a.xact_start > limits.age AND a.state LIKE 'idle in transaction%'
            THEN pg_catalog.format('has been idle in a transaction, which began %s s ago', extract(epoch FROM now.time - a.xact_start)::bigint)
        WHEN now.time - a.xact_start > limits.age AND pg_catalog.cardinality(pg_catalog.pg_blocking_pids(a.pid)) > 0
            THEN pg_catalog.format(
                'waits for %s, in a transaction that began %s s ago',
                pg_catalog.array_to_string(pg_catalog.pg_blocking_pids(a.pid), ', '), extract(epoch FROM now.time - a.xact_start)::bigint
            )
        WHEN now.time - a.xact_start > limits.age
            THEN pg_catalog.format('runs a transaction that began %s s ago', extract(epoch FROM now.time - a.xact_start)::bigint)
    END AS problem,
    pg_catalog.format('SELECT pg_terminate_backend(%s), after asking who it is', a.pid) AS remedy,
    pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS permitted,
    pg_catalog.quote_ident(current_user) AS role
FROM pg_catalog.pg_stat_activity AS a
CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS time) AS now
CROSS JOIN (SELECT pg_catalog.make_interval(secs => $1::double precision) AS age) AS limits
WHERE a.datname = pg_catalog.current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid()
UNION ALL
-- This very session: it is examined too, and is young.
SELECT 'this session', NULL, '', pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), pg_catalog.quote_ident(current_user)
UNION ALL
SELECT
    pg_catalog.format('prepared transaction %s of %s', pg_catalog.to_json(pg_catalog.left(p.gid, 60)), pg_catalog.quote_ident(p.owner)),
    CASE
        WHEN pg_catalog.clock_timestamp() - p.prepared > pg_catalog.make_interval(secs => $1::double precision)
            THEN pg_catalog.format('was prepared %s s ago and never ended', extract(epoch FROM pg_catalog.clock_timestamp() - p.prepared)::bigint)
    END,
    pg_catalog.format('COMMIT PREPARED %L or ROLLBACK PREPARED %L', p.gid, p.gid),
    true,
    pg_catalog.quote_ident(current_user)
FROM pg_catalog.pg_prepared_xacts AS p
WHERE p.database = pg_catalog.current_database()
ORDER BY 1
