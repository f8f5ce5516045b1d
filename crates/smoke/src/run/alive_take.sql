-- The sign of life of a run: held until its session ends, however it ends.
-- runs: with a grant to write
SELECT pg_try_advisory_lock($1, $2)
