-- The runs that are alive on this database, by the second half of their locks' keys. 1397575499 is `SMOK`.
SELECT objid::bigint AS run
FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 2 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid::bigint = 1397575499
