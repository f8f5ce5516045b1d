-- What limits the number of sessions, how many it allows, and how many there are.
SELECT 'max_connections' AS name, 'the server' AS scope,
    current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint AS allowed,
    (SELECT count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.backend_type = 'client backend') AS used
UNION ALL
SELECT 'CONNECTION LIMIT', 'the database ' || quote_ident(d.datname), d.datconnlimit,
    (SELECT count(*) FROM pg_catalog.pg_stat_activity AS a
        WHERE a.backend_type = 'client backend' AND a.datid = d.oid)
FROM pg_catalog.pg_database AS d
WHERE d.datname = current_database() AND d.datconnlimit >= 0
UNION ALL
SELECT 'CONNECTION LIMIT', 'the role ' || quote_ident(r.rolname), r.rolconnlimit,
    (SELECT count(*) FROM pg_catalog.pg_stat_activity AS a
        WHERE a.backend_type = 'client backend' AND a.usesysid = r.oid)
FROM pg_catalog.pg_roles AS r
WHERE r.rolconnlimit >= 0 AND NOT r.rolsuper AND r.rolcanlogin
ORDER BY 2
