-- Tables, views, foreign tables, composite types and sequences: what is not a column, a constraint or an index of
-- theirs.
SELECT
    c.oid,
    c.relnamespace,
    pg_catalog.quote_ident(c.relname),
    c.relkind::text,
    -- The comment of a composite type is on its type.
    CASE c.relkind WHEN 'c' THEN c.reltype ELSE 0 END,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)),
    CASE WHEN c.relkind = 'c' THEN t.typacl ELSE c.relacl END::text[],
    CASE c.relpersistence WHEN 'u' THEN 'unlogged' WHEN 't' THEN 'temporary' END,
    CASE WHEN c.relkind IN ('r', 'p', 'm') THEN nullif(am.amname, 'heap') END::text,
    pg_catalog.quote_ident(ts.spcname),
    c.reloptions || ARRAY(SELECT 'toast.' || o FROM pg_catalog.unnest(toast.reloptions) AS o),
    CASE WHEN c.relforcerowsecurity THEN CASE WHEN c.relrowsecurity THEN 'forced' ELSE 'forced, disabled' END
        WHEN c.relrowsecurity THEN 'enabled'
    END,
    CASE c.relreplident
        WHEN 'f' THEN CASE WHEN c.relkind IN ('r', 'p') THEN 'full' END
        WHEN 'n' THEN CASE WHEN c.relkind IN ('r', 'p') THEN 'nothing' END
        WHEN 'i' THEN 'index'
    END,
    CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END,
    CASE WHEN c.relispartition THEN pg_catalog.pg_get_expr(c.relpartbound, c.oid) END,
    CASE WHEN c.reloftype <> 0 THEN pg_catalog.format_type(c.reloftype, NULL) END,
    CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'no' END,
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) END,
    pg_catalog.quote_ident(server.srvname),
    foreigner.ftoptions,
    -- A sequence: its bounds, not where it stands.
    CASE WHEN c.relkind = 'S' THEN pg_catalog.concat_ws(' ',
        'as', CASE s.seqtypid WHEN 20 THEN 'bigint' WHEN 21 THEN 'smallint' ELSE 'integer' END,
        'start', s.seqstart, 'increment', s.seqincrement, 'minimum', s.seqmin, 'maximum', s.seqmax,
        'cache', s.seqcache, CASE WHEN s.seqcycle THEN 'cycle' END
    ) END
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_am AS am ON am.oid = c.relam
LEFT JOIN pg_tablespace AS ts ON ts.oid = c.reltablespace
LEFT JOIN pg_class AS toast ON toast.oid = c.reltoastrelid AND toast.reloptions IS NOT NULL
LEFT JOIN pg_type AS t ON t.oid = c.reltype AND c.relkind = 'c'
LEFT JOIN pg_sequence AS s ON s.seqrelid = c.oid
LEFT JOIN pg_foreign_table AS foreigner ON foreigner.ftrelid = c.oid
LEFT JOIN pg_foreign_server AS server ON server.oid = foreigner.ftserver
WHERE n.nspname = ANY ($1)
    AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c', 'S')
