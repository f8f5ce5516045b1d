-- The statements of this database that read or change rows; {schema} is where the extension stands. Utility statements
-- (migrations, COPY, REFRESH) are left out by their first word, what asks the catalogue or the statistics by theirs.
SELECT
    s.userid::bigint AS role,
    s.queryid AS id,
    s.toplevel AS top,
    pg_catalog.left(pg_catalog.regexp_replace(s.query, '\s+', ' ', 'g'), 200) AS text,
    s.calls AS calls,
    s.total_exec_time AS milliseconds,
    s.max_exec_time AS longest,
    s.shared_blks_hit + s.shared_blks_read AS blocks
FROM {schema}.pg_stat_statements AS s
WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
    AND s.queryid IS NOT NULL
    AND s.query ~* '^\s*(--[^\n]*\n\s*|/\*.*?\*/\s*)*\(*\s*(select|insert|update|delete|merge|with|values|table)\M'
    AND s.query !~* '\m(pg_catalog|information_schema|pg_stat\w*|pg_class|pg_namespace|pg_database|pg_settings)\M'
    AND NOT s.query LIKE ANY ($1)
ORDER BY 1, 2, 3
