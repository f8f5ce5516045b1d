-- Whether this very session holds it: through a pooler in transaction mode the next statement may be another's.
SELECT EXISTS (
    SELECT 1 FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND pid = pg_backend_pid()
        AND classid::bigint = $1 AND objid::bigint = $2
)
