-- The statement that sets each sequence after the values that were written to the column it feeds.
SELECT format(
    'SELECT setval(%L::regclass, t.held) FROM (SELECT max(%I)::bigint AS held FROM %s) AS t WHERE t.held BETWEEN %s AND %s',
    s.seqrelid::regclass, a.attname, c.oid::regclass, s.seqmin, s.seqmax
)
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_sequence AS s ON s.seqrelid = pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname)::regclass
WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = ANY ($3)
    AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
ORDER BY a.attnum
