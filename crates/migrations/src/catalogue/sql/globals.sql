-- What belongs to the database and to no schema. Secrets among the options of foreign things, and connection strings of
-- subscriptions, are left out.
SELECT 'pg_extension'::regclass::oid, e.oid, 'extension', 0::oid, pg_catalog.quote_ident(e.extname), NULL, NULL::text[], x.part, 0::bigint, '', x.definition
FROM pg_extension AS e
JOIN pg_namespace AS n ON n.oid = e.extnamespace
CROSS JOIN LATERAL (VALUES
    -- The version that the server brings along is its own affair; any other is named.
    ('version', CASE
        WHEN e.extversion = (SELECT a.default_version FROM pg_catalog.pg_available_extensions() AS a WHERE a.name = e.extname)
            THEN 'the default of the server'
        ELSE e.extversion
    END),
    ('schema', CASE WHEN n.nspname NOT IN ('pg_catalog', ($1::text[])[1]) THEN pg_catalog.quote_ident(n.nspname) END)
) AS x (part, definition)
WHERE x.definition IS NOT NULL
UNION ALL
SELECT 'pg_cast'::regclass, c.oid, 'cast', 0, pg_catalog.format('(%s AS %s)', pg_catalog.format_type(c.castsource, NULL), pg_catalog.format_type(c.casttarget, NULL)),
    NULL, NULL, 'definition', 0, '',
    pg_catalog.concat_ws(' ',
        CASE c.castmethod WHEN 'f' THEN 'WITH FUNCTION ' || c.castfunc::regprocedure WHEN 'i' THEN 'WITH INOUT' ELSE 'WITHOUT FUNCTION' END,
        CASE c.castcontext WHEN 'i' THEN 'AS IMPLICIT' WHEN 'a' THEN 'AS ASSIGNMENT' END)
FROM pg_cast AS c
WHERE c.oid >= 16384
UNION ALL
SELECT 'pg_language'::regclass, l.oid, 'language', 0, pg_catalog.quote_ident(l.lanname), pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(l.lanowner)), l.lanacl::text[],
    'definition', 0, '',
    pg_catalog.concat_ws(' ', CASE WHEN l.lanpltrusted THEN 'TRUSTED' END, 'HANDLER ' || nullif(l.lanplcallfoid, 0)::regproc,
        'INLINE ' || nullif(l.laninline, 0)::regproc, 'VALIDATOR ' || nullif(l.lanvalidator, 0)::regproc)
FROM pg_language AS l
WHERE l.oid >= 16384
UNION ALL
SELECT 'pg_am'::regclass, a.oid, 'access method', 0, pg_catalog.quote_ident(a.amname), NULL, NULL, 'definition', 0, '',
    pg_catalog.format('TYPE %s HANDLER %s', CASE a.amtype WHEN 'i' THEN 'INDEX' ELSE 'TABLE' END, a.amhandler)
FROM pg_am AS a
WHERE a.oid >= 16384
UNION ALL
SELECT 'pg_transform'::regclass, t.oid, 'transform', 0, pg_catalog.format('FOR %s LANGUAGE %I', pg_catalog.format_type(t.trftype, NULL), l.lanname), NULL, NULL,
    'definition', 0, '', pg_catalog.concat_ws(', ',
        'FROM SQL WITH FUNCTION ' || nullif(t.trffromsql::oid, 0)::regprocedure, 'TO SQL WITH FUNCTION ' || nullif(t.trftosql::oid, 0)::regprocedure)
FROM pg_transform AS t
JOIN pg_language AS l ON l.oid = t.trflang
WHERE t.oid >= 16384
UNION ALL
SELECT 'pg_event_trigger'::regclass, t.oid, 'event trigger', 0, pg_catalog.quote_ident(t.evtname), pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(t.evtowner)), NULL,
    x.part, 0, '', x.definition
FROM pg_event_trigger AS t
CROSS JOIN LATERAL (VALUES
    ('definition', pg_catalog.concat_ws(' ',
        'ON', t.evtevent,
        'WHEN TAG IN (' || (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(tag), ', ' ORDER BY tag) FROM pg_catalog.unnest(t.evttags) AS tag) || ')',
        'EXECUTE FUNCTION', t.evtfoid::regprocedure)),
    ('enabled', CASE t.evtenabled WHEN 'D' THEN 'no' WHEN 'R' THEN 'on replicas' WHEN 'A' THEN 'always' END)
) AS x (part, definition)
WHERE x.definition IS NOT NULL
UNION ALL
SELECT 'pg_publication'::regclass, p.oid, 'publication', 0, pg_catalog.quote_ident(p.pubname), pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.pubowner)), NULL,
    x.part, 0, x.name, x.definition
FROM pg_publication AS p
CROSS JOIN LATERAL (
    SELECT 'definition' AS part, '' AS name, pg_catalog.concat_ws(' ',
        CASE WHEN p.puballtables THEN 'for all tables' END,
        'of', pg_catalog.concat_ws(', ',
            CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
            CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END),
        CASE WHEN p.pubviaroot THEN 'via the root' END) AS definition
    UNION ALL
    SELECT 'table', r.prrelid::regclass::text, pg_catalog.concat_ws(' ',
        '(' || (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)) || ')',
        'WHERE (' || pg_catalog.pg_get_expr(r.prqual, r.prrelid) || ')')
    FROM pg_publication_rel AS r
    WHERE r.prpubid = p.oid
    UNION ALL
    SELECT 'schema', s.pnnspid::regnamespace::text, ''
    FROM pg_publication_namespace AS s
    WHERE s.pnpubid = p.oid
) AS x
UNION ALL
SELECT 'pg_subscription'::regclass, s.oid, 'subscription', 0, pg_catalog.quote_ident(s.subname), pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.subowner)), NULL,
    x.part, 0, '', x.definition
FROM pg_subscription AS s
CROSS JOIN LATERAL (VALUES
    ('definition', pg_catalog.concat_ws(' ',
        'to', (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(p), ', ' ORDER BY p) FROM pg_catalog.unnest(s.subpublications) AS p),
        CASE WHEN s.subbinary THEN 'binary' END,
        'streaming ' || CASE pg_catalog.left(s.substream::text, 1) WHEN 't' THEN 'on' WHEN 'p' THEN 'parallel' END,
        CASE WHEN s.subtwophasestate <> 'd' THEN 'two phase' END,
        CASE WHEN s.subdisableonerr THEN 'disabled on error' END,
        'slot ' || pg_catalog.quote_ident(s.subslotname),
        'synchronous_commit ' || nullif(s.subsynccommit, 'off'))),
    ('enabled', CASE WHEN NOT s.subenabled THEN 'no' END)
) AS x (part, definition)
WHERE s.subdbid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = pg_catalog.current_database()) AND x.definition IS NOT NULL
UNION ALL
SELECT f.class, f.oid, f.kind, 0, f.name, f.owner, f.acl, x.part, 0, '', x.definition
FROM (
    SELECT 'pg_foreign_data_wrapper'::regclass::oid, w.oid, 'foreign data wrapper', pg_catalog.quote_ident(w.fdwname),
        pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(w.fdwowner)), w.fdwacl::text[],
        pg_catalog.concat_ws(' ', 'HANDLER ' || nullif(w.fdwhandler, 0)::regproc, 'VALIDATOR ' || nullif(w.fdwvalidator, 0)::regproc),
        w.fdwoptions
    FROM pg_foreign_data_wrapper AS w
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, s.oid, 'server', pg_catalog.quote_ident(s.srvname),
        pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.srvowner)), s.srvacl::text[],
        pg_catalog.concat_ws(' ', 'TYPE ' || pg_catalog.quote_literal(s.srvtype), 'VERSION ' || pg_catalog.quote_literal(s.srvversion), pg_catalog.format('FOREIGN DATA WRAPPER %I', w.fdwname)),
        s.srvoptions
    FROM pg_foreign_server AS s
    JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
    UNION ALL
    SELECT 'pg_user_mapping'::regclass, u.umid, 'user mapping',
        pg_catalog.format('FOR %s SERVER %I', CASE u.umuser WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(u.usename) END, u.srvname),
        NULL, NULL, NULL, u.umoptions
    FROM pg_user_mappings AS u
) AS f (class, oid, kind, name, owner, acl, definition, options)
CROSS JOIN LATERAL (VALUES
    ('object', ''),
    ('definition', f.definition),
    ('options', (
        SELECT pg_catalog.string_agg(pg_catalog.quote_ident(pg_catalog.split_part(o, '=', 1)) || ' ' || CASE
            -- postgres_fdw has sslpassword as well, and others call theirs what they like. In ASCII: a database may have no
            -- other characters.
            WHEN pg_catalog.split_part(o, '=', 1) ~* '(passw|passphrase|secret|token|credential|private|access_key|api_?key)'
                THEN '''***'''
            ELSE pg_catalog.concat('''', pg_catalog.replace(pg_catalog.substr(o, pg_catalog.strpos(o, '=') + 1), '''', ''''''), '''')
        END, ', ' ORDER BY o)
        FROM pg_catalog.unnest(f.options) AS o
    ))
) AS x (part, definition)
WHERE x.definition IS NOT NULL
UNION ALL
SELECT 'pg_default_acl'::regclass, d.oid, 'default privileges', 0,
    pg_catalog.concat_ws(' ', 'FOR ROLE', pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.defaclrole)), 'IN SCHEMA ' || pg_catalog.quote_ident(n.nspname),
        'ON', CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END),
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.defaclrole)), d.defaclacl::text[], 'object', 0, '', ''
FROM pg_default_acl AS d
LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
WHERE d.defaclnamespace = 0 OR n.nspname = ANY ($1)
