-- Enums, domains and ranges.
SELECT
    'type' AS kind,
    format('%I.%I', n.nspname, t.typname) AS object,
    f.rank,
    f.position,
    f.part,
    f.name,
    f.definition
FROM pg_type AS t
JOIN pg_namespace AS n ON n.oid = t.typnamespace
CROSS JOIN LATERAL (
    SELECT 0 AS rank, 0::bigint AS position, 'object' AS part, '' AS name, '' AS definition
    UNION ALL
    SELECT 2, row_number() OVER (ORDER BY e.enumsortorder), 'label', quote_literal(e.enumlabel), ''
    FROM pg_enum AS e
    WHERE e.enumtypid = t.oid
    UNION ALL
    SELECT 1, 0, 'domain', '', concat_ws(' ',
        'over ' || format_type(t.typbasetype, t.typtypmod),
        CASE WHEN t.typnotnull THEN 'not null' END,
        'default ' || t.typdefault
    )
    WHERE t.typtype = 'd'
    UNION ALL
    SELECT 3, 0, 'constraint', quote_ident(o.conname), pg_get_constraintdef(o.oid)
    FROM pg_constraint AS o
    WHERE o.contypid = t.oid AND (o.contype <> 'n' OR NOT o.convalidated)
    UNION ALL
    SELECT 1, 0, 'range', '', 'of ' || format_type(r.rngsubtype, NULL)
    FROM pg_range AS r
    WHERE r.rngtypid = t.oid
    UNION ALL
    SELECT 9, 0, 'comment', '', obj_description(t.oid, 'pg_type')
    WHERE obj_description(t.oid, 'pg_type') IS NOT NULL
) AS f
WHERE n.nspname = ANY ($1)
    AND t.typtype IN ('e', 'd', 'r')
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
    )
