-- Enums, domains and ranges.
SELECT
    'pg_type'::regclass::oid,
    t.oid,
    'type',
    t.typnamespace,
    pg_catalog.quote_ident(t.typname),
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(t.typowner)),
    t.typacl::text[],
    f.part,
    f.position,
    f.name,
    f.definition
FROM pg_type AS t
JOIN pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_range AS r ON r.rngtypid = t.oid
CROSS JOIN LATERAL (
    SELECT 'label' AS part, pg_catalog.row_number() OVER (ORDER BY e.enumsortorder) AS position, pg_catalog.quote_literal(e.enumlabel) AS name, '' AS definition
    FROM pg_enum AS e
    WHERE e.enumtypid = t.oid
    UNION ALL
    SELECT 'domain', 0, '', pg_catalog.concat_ws(' ',
        'over ' || pg_catalog.format_type(t.typbasetype, t.typtypmod),
        CASE WHEN t.typcollation NOT IN (0, 100) THEN 'collate ' || t.typcollation::regcollation END,
        CASE WHEN t.typnotnull THEN 'not null' END,
        'default ' || coalesce(pg_catalog.pg_get_expr(t.typdefaultbin, 0), pg_catalog.quote_literal(t.typdefault))
    )
    WHERE t.typtype = 'd'
    UNION ALL
    SELECT 'range', 0, '', pg_catalog.concat_ws(', ',
        'SUBTYPE = ' || pg_catalog.format_type(r.rngsubtype, NULL),
        CASE WHEN NOT opc.opcdefault THEN 'SUBTYPE_OPCLASS = ' || pg_catalog.format('%I.%I', opcn.nspname, opc.opcname) END,
        'COLLATION = ' || nullif(nullif(r.rngcollation, 0), 100)::regcollation,
        'CANONICAL = ' || nullif(r.rngcanonical::oid, 0)::regproc,
        'SUBTYPE_DIFF = ' || nullif(r.rngsubdiff::oid, 0)::regproc,
        'MULTIRANGE_TYPE_NAME = ' || pg_catalog.format_type(r.rngmultitypid, NULL)
    )
    FROM pg_opclass AS opc
    JOIN pg_namespace AS opcn ON opcn.oid = opc.opcnamespace
    WHERE t.typtype = 'r' AND opc.oid = r.rngsubopc
    UNION ALL
    SELECT 'definition', 0, '', pg_catalog.concat_ws(', ',
        'INPUT = ' || t.typinput, 'OUTPUT = ' || t.typoutput,
        'INTERNALLENGTH = ' || CASE t.typlen WHEN -1 THEN 'VARIABLE' ELSE t.typlen::text END
    )
    WHERE t.typtype = 'b' AND t.typcategory <> 'A' AND t.typisdefined
) AS f
WHERE n.nspname = ANY ($1)
    AND t.typtype IN ('e', 'd', 'r', 'b')
UNION ALL
-- An enum that has no label yet.
SELECT 'pg_type'::regclass, t.oid, 'type', t.typnamespace, pg_catalog.quote_ident(t.typname), pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(t.typowner)),
    t.typacl::text[], 'labels', 0, '', 'none'
FROM pg_type AS t
JOIN pg_namespace AS n ON n.oid = t.typnamespace
WHERE n.nspname = ANY ($1) AND t.typtype = 'e' AND NOT EXISTS (SELECT FROM pg_enum AS e WHERE e.enumtypid = t.oid)
