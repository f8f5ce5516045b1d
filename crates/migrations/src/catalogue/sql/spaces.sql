-- The schemas that belong to the system, and the version of the server.
SELECT
    n.oid,
    n.nspname::text,
    quote_ident(n.nspname),
    quote_ident(pg_get_userbyid(n.nspowner)),
    n.nspacl::text[],
    current_setting('server_version_num')::integer
FROM pg_namespace AS n
WHERE n.nspname = ANY ($1)
