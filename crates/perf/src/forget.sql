-- runs: on an ephemeral database only
-- As after a restore or an upgrade: no column statistics.
DELETE FROM pg_catalog.pg_statistic
