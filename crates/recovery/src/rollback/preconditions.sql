-- $1: the database; $2: who is to own it. What a rollback needs a right for, and whether this role has it.
SELECT r.rolname::text AS role,
       r.rolsuper OR r.rolcreatedb AS may_create,
       pg_catalog.pg_has_role(d.datdba, 'USAGE') AS may_rename,
       pg_catalog.pg_get_userbyid(d.datdba)::text AS owner,
       (
           -- What comes after that is for the owner alone, so a membership that is not inherited is not enough.
           SELECT pg_catalog.pg_has_role(o.oid, 'USAGE') AND pg_catalog.pg_has_role(o.oid, m.to_give)
           FROM pg_catalog.pg_roles o,
                (SELECT CASE WHEN pg_catalog.current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END) AS m (to_give)
           WHERE o.rolname = $2
       ) AS may_give
FROM pg_catalog.pg_roles r
CROSS JOIN pg_catalog.pg_database d
WHERE r.rolname = current_user AND d.datname = $1
