-- The oldest transaction and multixact of each table, materialized view and TOAST table, whoever owns it: any of them
-- stops the whole database. Errors from vacuum_failsafe_age, where the server itself drops everything else.
SELECT
    c.oid::regclass::text AS relation,
    age(c.relfrozenxid)::bigint AS age,
    current_setting('vacuum_failsafe_age')::bigint AS failsafe,
    current_setting('autovacuum_freeze_max_age')::bigint * 2 AS late,
    mxid_age(c.relminmxid)::bigint AS multixact_age,
    current_setting('vacuum_multixact_failsafe_age')::bigint AS multixact_failsafe,
    current_setting('autovacuum_multixact_freeze_max_age')::bigint * 2 AS multixact_late
FROM pg_catalog.pg_class AS c
WHERE c.relkind IN ('r', 'm', 't') AND c.relfrozenxid <> '0'::xid
ORDER BY 1
