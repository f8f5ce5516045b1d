-- Functions, procedures and aggregates.
SELECT
    CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind,
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS object,
    f.rank,
    0::bigint AS position,
    f.part,
    '' AS name,
    f.definition
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
LEFT JOIN pg_aggregate AS g ON g.aggfnoid = p.oid
CROSS JOIN LATERAL (VALUES
    (0, 'object', ''),
    (8, 'definition', CASE
        WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid)
        ELSE concat_ws(' ',
            'step ' || g.aggtransfn::regproc,
            'state ' || format_type(g.aggtranstype, NULL),
            'final ' || nullif(g.aggfinalfn::oid, 0)::regproc,
            'initial ' || quote_literal(g.agginitval)
        )
    END),
    (9, 'comment', obj_description(p.oid, 'pg_proc'))
) AS f (rank, part, definition)
WHERE n.nspname = ANY ($1)
    AND f.definition IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    )
