-- The schemas that belong to the system, and the version of the server.
SELECT
    n.oid,
    n.nspname::text,
    pg_catalog.quote_ident(n.nspname),
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(n.nspowner)),
    n.nspacl::text[],
    pg_catalog.current_setting('server_version_num')::integer
FROM pg_namespace AS n
WHERE n.nspname = ANY ($1)
