-- What stands in a schema and is made once in many years: operators and their classes, collations, conversions,
-- text search, statistics objects.
SELECT 'pg_operator'::regclass::oid, o.oid, 'operator', o.oprnamespace,
    pg_catalog.format('%s (%s, %s)', o.oprname,
        coalesce(pg_catalog.format_type(nullif(o.oprleft, 0), NULL), 'NONE'), coalesce(pg_catalog.format_type(nullif(o.oprright, 0), NULL), 'NONE')),
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o.oprowner)), NULL::text[], 'definition', 0::bigint, '',
    pg_catalog.concat_ws(', ',
        'FUNCTION = ' || o.oprcode,
        'LEFTARG = ' || pg_catalog.format_type(nullif(o.oprleft, 0), NULL),
        'RIGHTARG = ' || pg_catalog.format_type(nullif(o.oprright, 0), NULL),
        'COMMUTATOR = OPERATOR(' || (SELECT pg_catalog.format('%I.%s', cn.nspname, co.oprname) FROM pg_operator AS co JOIN pg_namespace AS cn ON cn.oid = co.oprnamespace WHERE co.oid = o.oprcom) || ')',
        'NEGATOR = OPERATOR(' || (SELECT pg_catalog.format('%I.%s', cn.nspname, co.oprname) FROM pg_operator AS co JOIN pg_namespace AS cn ON cn.oid = co.oprnamespace WHERE co.oid = o.oprnegate) || ')',
        'RESTRICT = ' || nullif(o.oprrest::oid, 0)::regproc,
        'JOIN = ' || nullif(o.oprjoin::oid, 0)::regproc,
        CASE WHEN o.oprcanhash THEN 'HASHES' END,
        CASE WHEN o.oprcanmerge THEN 'MERGES' END
    )
FROM pg_operator AS o
JOIN pg_namespace AS n ON n.oid = o.oprnamespace
WHERE n.nspname = ANY ($1) AND o.oprcode <> 0
UNION ALL
SELECT 'pg_opfamily'::regclass, f.oid, 'operator family', f.opfnamespace, pg_catalog.format('%I USING %I', f.opfname, am.amname),
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(f.opfowner)), NULL, x.part, 0, x.name, x.definition
FROM pg_opfamily AS f
JOIN pg_namespace AS n ON n.oid = f.opfnamespace
JOIN pg_am AS am ON am.oid = f.opfmethod
CROSS JOIN LATERAL (
    SELECT 'object' AS part, '' AS name, '' AS definition
    UNION ALL
    SELECT 'operator', pg_catalog.format('%s (%s, %s)', o.amopstrategy, pg_catalog.format_type(o.amoplefttype, NULL), pg_catalog.format_type(o.amoprighttype, NULL)),
        o.amopopr::regoperator || coalesce(' FOR ORDER BY ' || (SELECT pg_catalog.format('%I.%I', sn.nspname, s.opfname) FROM pg_opfamily AS s JOIN pg_namespace AS sn ON sn.oid = s.opfnamespace WHERE s.oid = o.amopsortfamily), '')
    FROM pg_amop AS o
    WHERE o.amopfamily = f.oid
    UNION ALL
    SELECT 'function', pg_catalog.format('%s (%s, %s)', p.amprocnum, pg_catalog.format_type(p.amproclefttype, NULL), pg_catalog.format_type(p.amprocrighttype, NULL)),
        p.amproc::regprocedure::text
    FROM pg_amproc AS p
    WHERE p.amprocfamily = f.oid
) AS x
WHERE n.nspname = ANY ($1)
UNION ALL
SELECT 'pg_opclass'::regclass, o.oid, 'operator class', o.opcnamespace, pg_catalog.format('%I USING %I', o.opcname, am.amname),
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o.opcowner)), NULL, 'definition', 0, '',
    pg_catalog.concat_ws(' ', CASE WHEN o.opcdefault THEN 'DEFAULT' END, 'FOR TYPE', pg_catalog.format_type(o.opcintype, NULL),
        'FAMILY', pg_catalog.format('%I.%I', fn.nspname, f.opfname), 'STORAGE ' || pg_catalog.format_type(nullif(o.opckeytype, 0), NULL))
FROM pg_opclass AS o
JOIN pg_namespace AS n ON n.oid = o.opcnamespace
JOIN pg_am AS am ON am.oid = o.opcmethod
JOIN pg_opfamily AS f ON f.oid = o.opcfamily
JOIN pg_namespace AS fn ON fn.oid = f.opfnamespace
WHERE n.nspname = ANY ($1)
UNION ALL
-- The column for the locale has had three names: told by whichever there is.
SELECT 'pg_collation'::regclass, c.oid, 'collation', c.collnamespace, pg_catalog.quote_ident(c.collname),
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.collowner)), NULL, 'definition', 0, '',
    pg_catalog.concat_ws(', ',
        'PROVIDER = ' || CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
        'LOCALE = ' || pg_catalog.quote_literal(coalesce(j.row ->> 'colllocale', j.row ->> 'colliculocale')),
        'LC_COLLATE = ' || pg_catalog.quote_literal(c.collcollate), 'LC_CTYPE = ' || pg_catalog.quote_literal(c.collctype),
        CASE WHEN NOT c.collisdeterministic THEN 'DETERMINISTIC = false' END,
        'RULES = ' || pg_catalog.quote_literal(j.row ->> 'collicurules'))
FROM pg_collation AS c
JOIN pg_namespace AS n ON n.oid = c.collnamespace
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(c)) AS j (row)
WHERE n.nspname = ANY ($1)
UNION ALL
SELECT 'pg_conversion'::regclass, c.oid, 'conversion', c.connamespace, pg_catalog.quote_ident(c.conname),
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.conowner)), NULL, 'definition', 0, '',
    pg_catalog.concat_ws(' ', CASE WHEN c.condefault THEN 'DEFAULT' END, 'FOR', pg_catalog.quote_literal(pg_catalog.pg_encoding_to_char(c.conforencoding)),
        'TO', pg_catalog.quote_literal(pg_catalog.pg_encoding_to_char(c.contoencoding)), 'FROM', c.conproc)
FROM pg_conversion AS c
JOIN pg_namespace AS n ON n.oid = c.connamespace
WHERE n.nspname = ANY ($1)
UNION ALL
SELECT 'pg_ts_config'::regclass, c.oid, 'text search configuration', c.cfgnamespace, pg_catalog.quote_ident(c.cfgname),
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.cfgowner)), NULL, x.part, 0, x.name, x.definition
FROM pg_ts_config AS c
JOIN pg_namespace AS n ON n.oid = c.cfgnamespace
JOIN pg_ts_parser AS p ON p.oid = c.cfgparser
JOIN pg_namespace AS pn ON pn.oid = p.prsnamespace
CROSS JOIN LATERAL (
    SELECT 'definition' AS part, '' AS name, pg_catalog.format('PARSER = %I.%I', pn.nspname, p.prsname) AS definition
    UNION ALL
    SELECT 'mapping', pg_catalog.quote_ident(k.alias), pg_catalog.string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno)
    FROM pg_ts_config_map AS m
    JOIN LATERAL pg_catalog.ts_token_type(c.cfgparser) AS k ON k.tokid = m.maptokentype
    WHERE m.mapcfg = c.oid
    GROUP BY k.alias
) AS x
WHERE n.nspname = ANY ($1)
UNION ALL
SELECT 'pg_ts_dict'::regclass, d.oid, 'text search dictionary', d.dictnamespace, pg_catalog.quote_ident(d.dictname),
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.dictowner)), NULL, 'definition', 0, '',
    pg_catalog.concat_ws(', ', pg_catalog.format('TEMPLATE = %I.%I', tn.nspname, t.tmplname), d.dictinitoption)
FROM pg_ts_dict AS d
JOIN pg_namespace AS n ON n.oid = d.dictnamespace
JOIN pg_ts_template AS t ON t.oid = d.dicttemplate
JOIN pg_namespace AS tn ON tn.oid = t.tmplnamespace
WHERE n.nspname = ANY ($1)
UNION ALL
SELECT 'pg_ts_parser'::regclass, p.oid, 'text search parser', p.prsnamespace, pg_catalog.quote_ident(p.prsname), NULL, NULL, 'definition', 0, '',
    pg_catalog.concat_ws(', ', 'START = ' || p.prsstart, 'GETTOKEN = ' || p.prstoken, 'END = ' || p.prsend,
        'HEADLINE = ' || nullif(p.prsheadline::oid, 0)::regproc, 'LEXTYPES = ' || p.prslextype)
FROM pg_ts_parser AS p
JOIN pg_namespace AS n ON n.oid = p.prsnamespace
WHERE n.nspname = ANY ($1)
UNION ALL
SELECT 'pg_ts_template'::regclass, t.oid, 'text search template', t.tmplnamespace, pg_catalog.quote_ident(t.tmplname), NULL, NULL, 'definition', 0, '',
    pg_catalog.concat_ws(', ', 'INIT = ' || nullif(t.tmplinit::oid, 0)::regproc, 'LEXIZE = ' || t.tmpllexize)
FROM pg_ts_template AS t
JOIN pg_namespace AS n ON n.oid = t.tmplnamespace
WHERE n.nspname = ANY ($1)
UNION ALL
SELECT 'pg_statistic_ext'::regclass, s.oid, 'statistics', s.stxnamespace, pg_catalog.quote_ident(s.stxname),
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(s.stxowner)), NULL, x.part, 0, '', x.definition
FROM pg_statistic_ext AS s
JOIN pg_namespace AS n ON n.oid = s.stxnamespace
CROSS JOIN LATERAL (VALUES
    ('definition', pg_catalog.pg_get_statisticsobjdef(s.oid)),
    ('target', nullif(s.stxstattarget, -1)::text)
) AS x (part, definition)
WHERE n.nspname = ANY ($1) AND x.definition IS NOT NULL
