-- Functions, procedures and aggregates.
SELECT
    p.oid,
    p.pronamespace,
    pg_catalog.quote_ident(p.proname),
    pg_catalog.pg_get_function_identity_arguments(p.oid),
    p.prokind::text,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.proowner)),
    p.proacl::text[],
    CASE WHEN p.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(p.oid) ELSE pg_catalog.concat_ws(', ',
        'SFUNC = ' || g.aggtransfn::regproc,
        'STYPE = ' || pg_catalog.format_type(g.aggtranstype, NULL),
        'SSPACE = ' || nullif(g.aggtransspace, 0),
        'FINALFUNC = ' || nullif(g.aggfinalfn::oid, 0)::regproc,
        CASE WHEN g.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
        'FINALFUNC_MODIFY = ' || CASE
            WHEN g.aggfinalmodify <> CASE g.aggkind WHEN 'n' THEN 'r' ELSE 'w' END
                THEN CASE g.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END
        END,
        'COMBINEFUNC = ' || nullif(g.aggcombinefn::oid, 0)::regproc,
        'SERIALFUNC = ' || nullif(g.aggserialfn::oid, 0)::regproc,
        'DESERIALFUNC = ' || nullif(g.aggdeserialfn::oid, 0)::regproc,
        'INITCOND = ' || pg_catalog.quote_literal(g.agginitval),
        'MSFUNC = ' || nullif(g.aggmtransfn::oid, 0)::regproc,
        'MINVFUNC = ' || nullif(g.aggminvtransfn::oid, 0)::regproc,
        'MSTYPE = ' || pg_catalog.format_type(nullif(g.aggmtranstype, 0), NULL),
        'MFINALFUNC = ' || nullif(g.aggmfinalfn::oid, 0)::regproc,
        'MINITCOND = ' || pg_catalog.quote_literal(g.aggminitval),
        'SORTOP = ' || nullif(g.aggsortop, 0)::regoper,
        CASE g.aggkind WHEN 'h' THEN 'HYPOTHETICAL' END,
        'PARALLEL = ' || CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' END
    ) END
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
LEFT JOIN pg_aggregate AS g ON g.aggfnoid = p.oid
WHERE n.nspname = ANY ($1)
