-- Whether hypopg can be had, the schema that it is in already, and the server's major version.
SELECT
    EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hypopg'),
    (SELECT quote_ident(n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
     WHERE e.extname = 'hypopg'),
    current_setting('server_version_num')::int / 10000
