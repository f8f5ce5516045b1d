-- The oldest transaction and multixact of each table, materialized view and TOAST table, whoever owns it: any of them
-- stops the whole database. Errors from vacuum_failsafe_age, where the server itself drops everything else; it takes no
-- less than 105 % of autovacuum_freeze_max_age for it, whatever is set.
SELECT
    c.oid::regclass::text AS relation,
    pg_catalog.age(c.relfrozenxid)::bigint AS age,
    greatest(
        pg_catalog.current_setting('vacuum_failsafe_age')::bigint,
        pg_catalog.current_setting('autovacuum_freeze_max_age')::bigint * 105 / 100
    ) AS failsafe,
    pg_catalog.current_setting('autovacuum_freeze_max_age')::bigint * 2 AS late,
    pg_catalog.mxid_age(c.relminmxid)::bigint AS multixact_age,
    greatest(
        pg_catalog.current_setting('vacuum_multixact_failsafe_age')::bigint,
        pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::bigint * 105 / 100
    ) AS multixact_failsafe,
    pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::bigint * 2 AS multixact_late
FROM pg_catalog.pg_class AS c
WHERE c.relkind IN ('r', 'm', 't') AND c.relfrozenxid <> '0'::xid
ORDER BY 1
