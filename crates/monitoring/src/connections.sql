-- What limits the number of sessions, how many it allows, and how many there are; and whether the role sees those of
-- others at all: which sessions are a client's is hidden from it otherwise. reserved_connections came with 16.
SELECT 'max_connections' AS name, 'the server' AS scope,
    pg_catalog.current_setting('max_connections')::bigint - pg_catalog.current_setting('superuser_reserved_connections')::bigint
        - coalesce(pg_catalog.current_setting('reserved_connections', true)::bigint, 0) AS allowed,
    (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.backend_type = 'client backend') AS used,
    pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS permitted,
    pg_catalog.quote_ident(current_user) AS role
UNION ALL
SELECT 'CONNECTION LIMIT', 'the database ' || pg_catalog.quote_ident(d.datname), d.datconnlimit,
    (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a
        WHERE a.backend_type = 'client backend' AND a.datid = d.oid),
    pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), pg_catalog.quote_ident(current_user)
FROM pg_catalog.pg_database AS d
WHERE d.datname = pg_catalog.current_database() AND d.datconnlimit >= 0
UNION ALL
SELECT 'CONNECTION LIMIT', 'the role ' || pg_catalog.quote_ident(r.rolname), r.rolconnlimit,
    (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a
        WHERE a.backend_type = 'client backend' AND a.usesysid = r.oid),
    pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), pg_catalog.quote_ident(current_user)
FROM pg_catalog.pg_roles AS r
WHERE r.rolconnlimit >= 0 AND NOT r.rolsuper AND r.rolcanlogin
ORDER BY 2
