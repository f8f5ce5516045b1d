-- Sequences: their bounds, not where they stand.
SELECT
    'sequence' AS kind,
    format('%I.%I', n.nspname, c.relname) AS object,
    f.rank,
    0::bigint AS position,
    f.part,
    '' AS name,
    f.definition
FROM pg_sequence AS s
JOIN pg_class AS c ON c.oid = s.seqrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (VALUES
    (0, 'object', ''),
    (1, 'definition', format(
        'as %s start %s increment %s minimum %s maximum %s cache %s%s%s',
        format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
        CASE WHEN s.seqcycle THEN ' cycle' ELSE '' END,
        CASE c.relpersistence WHEN 'u' THEN ' unlogged' ELSE '' END
    )),
    (1, 'owned by', (
        SELECT format('%I.%I.%I', tn.nspname, t.relname, a.attname)
        FROM pg_depend AS d
        JOIN pg_class AS t ON t.oid = d.refobjid
        JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass
            AND d.objid = c.oid
            AND d.refclassid = 'pg_class'::regclass
            AND d.deptype IN ('a', 'i')
    )),
    (9, 'comment', obj_description(c.oid, 'pg_class'))
) AS f (rank, part, definition)
WHERE n.nspname = ANY ($1)
    AND f.definition IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
