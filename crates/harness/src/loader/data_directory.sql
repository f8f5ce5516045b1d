-- Where the server keeps its data: told to a role that may know it, of a server that is on the client's machine.
SELECT CASE
    WHEN pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')
        AND inet_server_addr() IS NOT DISTINCT FROM inet_client_addr()
    THEN current_setting('data_directory')
END
