-- The oldest transaction and multixact of each table, materialized view and TOAST table, whoever owns it, and of each other
-- database of the server: any of them stops them all. Errors from vacuum_failsafe_age, where the server itself drops
-- everything else; it takes no less than 105 % of autovacuum_freeze_max_age for it, whatever is set.
WITH limits AS (
    SELECT
        greatest(
            pg_catalog.current_setting('vacuum_failsafe_age')::bigint,
            pg_catalog.current_setting('autovacuum_freeze_max_age')::bigint * 105 / 100
        ) AS failsafe,
        pg_catalog.current_setting('autovacuum_freeze_max_age')::bigint * 2 AS late,
        greatest(
            pg_catalog.current_setting('vacuum_multixact_failsafe_age')::bigint,
            pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::bigint * 105 / 100
        ) AS multixact_failsafe,
        pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::bigint * 2 AS multixact_late
)
SELECT
    c.oid::regclass::text AS relation,
    'VACUUM (FREEZE) ' || c.oid::regclass::text AS remedy,
    pg_catalog.age(c.relfrozenxid)::bigint AS age,
    pg_catalog.mxid_age(c.relminmxid)::bigint AS multixact_age,
    limits.*
FROM pg_catalog.pg_class AS c
CROSS JOIN limits
WHERE c.relkind IN ('r', 'm', 't') AND c.relfrozenxid <> '0'::xid
UNION ALL
SELECT
    'the database ' || pg_catalog.quote_ident(d.datname),
    'VACUUM (FREEZE) in that database',
    pg_catalog.age(d.datfrozenxid)::bigint,
    pg_catalog.mxid_age(d.datminmxid)::bigint,
    limits.*
FROM pg_catalog.pg_database AS d
CROSS JOIN limits
WHERE d.datname <> pg_catalog.current_database()
ORDER BY 1
