-- The sign of life of a run: held until its session ends, however it ends.
SELECT pg_try_advisory_lock($1, $2)
