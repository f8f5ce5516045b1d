-- Schemas, extensions, statistics objects, event triggers and publications.
SELECT 'schema' AS kind, quote_ident(n.nspname) AS object, 0 AS rank, 0::bigint AS position, 'object' AS part,
    '' AS name, '' AS definition
FROM pg_namespace AS n
WHERE n.nspname = ANY ($1)
UNION ALL
-- The version that the server brings along is its own affair; any other is named.
SELECT 'extension', quote_ident(e.extname), 1, 0, 'version', '',
    CASE WHEN e.extversion = a.default_version THEN 'the default of the server' ELSE e.extversion END
FROM pg_extension AS e
LEFT JOIN pg_available_extensions AS a ON a.name = e.extname
UNION ALL
SELECT 'statistics', format('%I.%I', n.nspname, s.stxname), 8, 0, 'definition', '', pg_get_statisticsobjdef(s.oid)
FROM pg_statistic_ext AS s
JOIN pg_namespace AS n ON n.oid = s.stxnamespace
WHERE n.nspname = ANY ($1)
UNION ALL
SELECT 'event trigger', quote_ident(t.evtname), 8, 0, 'definition', '', concat_ws(' ',
    'on', t.evtevent,
    'when tag in (' || array_to_string(t.evttags, ', ') || ')',
    'execute', t.evtfoid::regprocedure,
    CASE t.evtenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled on replicas' WHEN 'A' THEN 'enabled always' END
)
FROM pg_event_trigger AS t
WHERE NOT EXISTS (
    SELECT FROM pg_depend AS d
    WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'e'
)
UNION ALL
SELECT 'publication', quote_ident(p.pubname), 8, 0, 'definition', '', concat_ws(' ',
    CASE WHEN p.puballtables THEN 'for all tables' END,
    'for ' || (
        SELECT string_agg(format('%I.%I', t.schemaname, t.tablename), ', ' ORDER BY t.schemaname, t.tablename)
        FROM pg_publication_tables AS t
        WHERE t.pubname = p.pubname AND NOT p.puballtables
    ),
    'of',
    concat_ws(', ',
        CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
        CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END
    )
)
FROM pg_publication AS p
