-- How many more connections the server takes from a role without privileges.
SELECT current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint
    - (SELECT count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.backend_type = 'client backend') AS free
