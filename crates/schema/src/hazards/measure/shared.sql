-- Whether this transaction changed what all databases of the server share. Most of it is locked until the transaction ends,
-- whichever function did it; the rights and settings of a database are told by its own row.
SELECT
    EXISTS (
        SELECT FROM pg_catalog.pg_locks AS l
        WHERE l.pid = pg_catalog.pg_backend_pid()
            AND l.locktype = 'relation'
            AND l.database = 0
            AND l.relation IN (
                'pg_catalog.pg_authid'::regclass, 'pg_catalog.pg_auth_members'::regclass, 'pg_catalog.pg_db_role_setting'::regclass,
                'pg_catalog.pg_shdescription'::regclass, 'pg_catalog.pg_shseclabel'::regclass, 'pg_catalog.pg_database'::regclass,
                'pg_catalog.pg_tablespace'::regclass, 'pg_catalog.pg_parameter_acl'::regclass,
                'pg_catalog.pg_subscription'::regclass, 'pg_catalog.pg_replication_origin'::regclass
            )
            AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')
    )
    OR EXISTS (
        SELECT FROM pg_catalog.pg_database AS d
        WHERE d.xmin IN (
            -- Its own number, and those of its savepoints.
            SELECT l.transactionid FROM pg_catalog.pg_locks AS l
            WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'transactionid' AND l.granted
        )
    )
