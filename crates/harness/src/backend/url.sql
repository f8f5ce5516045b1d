SELECT
    current_setting('server_version_num')::int,
    rolsuper OR rolcreatedb,
    quote_ident(rolname)
FROM pg_roles
WHERE rolname = current_user
