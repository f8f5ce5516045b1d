-- A claim for each sequence and each column of a number type that it feeds, whether it owns it (serial, identity) or
-- stands in its default: the next value is past every value the column holds. A sequence that cycles makes no such
-- claim, nor does one that the default computes with, or that it owns and takes no values from. The sequence is read
-- after the snapshot was taken, so a writer beside us only moves it further ahead.
-- In two parts, since what mends it differs: setval, or, where the sequence or its column ends before the value after
-- those held, a wider one. NaN and the infinities are no values that a sequence comes to.
WITH fed AS (
    SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS attnum
    FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
        AND d.deptype = 'i' AND d.refobjsubid > 0
    UNION
    SELECT d.refobjid, ad.adrelid, ad.adnum
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_attrdef AS ad ON ad.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
        AND pg_get_expr(ad.adbin, ad.adrelid) = format('nextval(%L::regclass)', d.refobjid::regclass::text)
),
number AS (
    SELECT * FROM (
        VALUES
            ('int2'::regtype, -32768::numeric, 32767::numeric),
            ('int4'::regtype, -2147483648, 2147483647),
            ('int8'::regtype, -9223372036854775808, 9223372036854775807)
    ) AS whole (type, least, greatest)
),
side AS (
    SELECT
        f.sequence,
        f.relation,
        q.seqincrement AS step,
        q.seqincrement > 0 AS ascends,
        format('%I.%I', sn.nspname, sc.relname) AS name,
        format('%I.%I', n.nspname, c.relname) AS relation_name,
        format('%I', a.attname) AS attribute,
        coalesce(w.type, 'int8'::regtype)::text AS type,
        -- Whether the column ends first, and there is a wider type.
        w.type <> 'int8'::regtype
            AND CASE WHEN q.seqincrement > 0 THEN w.greatest <= q.seqmax ELSE w.least >= q.seqmin END AS narrow,
        CASE WHEN q.seqincrement > 0 THEN least(q.seqmax, w.greatest) ELSE greatest(q.seqmin, w.least) END AS bound,
        CASE WHEN base.oid = 'oid'::regtype THEN '%s(%s)::bigint::numeric' ELSE '%s(%s)::numeric' END AS held,
        CASE
            WHEN w.type IS NOT NULL THEN '%s(%s)'
            WHEN base.oid = 'oid'::regtype THEN '%s(%s)::bigint'
            WHEN q.seqincrement > 0 THEN 'ceil(%s(%s)::numeric)::bigint'
            ELSE 'floor(%s(%s)::numeric)::bigint'
        END AS farthest,
        CASE
            WHEN base.oid NOT IN ('float4'::regtype, 'float8'::regtype, 'numeric'::regtype) THEN ''
            WHEN q.seqincrement > 0 THEN format(' WHERE %I < ''Infinity''', a.attname)
            ELSE format(' WHERE %1$I > ''-Infinity'' AND %1$I <> ''NaN''', a.attname)
        END AS finite,
        count(*) OVER (PARTITION BY f.sequence) > 1 AS shared
    FROM fed AS f
    JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = f.sequence
    JOIN pg_catalog.pg_class AS sc ON sc.oid = f.sequence
    JOIN pg_catalog.pg_namespace AS sn ON sn.oid = sc.relnamespace
    JOIN pg_catalog.pg_class AS c ON c.oid = f.relation AND c.relkind IN ('r', 'p')
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = f.attnum
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    JOIN pg_catalog.pg_type AS base ON base.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
    LEFT JOIN number AS w ON w.type = base.oid
    WHERE t.typcategory = 'N' AND NOT q.seqcycle AND n.nspname = ANY ($1)
        -- A partition's column is fed through its parent's, unless by a sequence of its own.
        AND NOT EXISTS (
            SELECT
            FROM pg_catalog.pg_partition_ancestors(c.oid) AS above
            JOIN fed AS same ON same.relation = above.relid AND same.relation <> c.oid AND same.sequence = f.sequence
        )
),
claim AS (
    SELECT
        s.*,
        format(s.held, CASE WHEN s.ascends THEN 'max' ELSE 'min' END, s.attribute) AS outermost,
        -- A sequence that feeds several columns is moved on, never back, whichever of them is mended last.
        format(
            CASE
                WHEN s.shared THEN 'SELECT setval(%1$L, %5$s((SELECT %2$s FROM %3$s%4$s), (SELECT last_value FROM %1$s)))'
                ELSE 'SELECT setval(%1$L, (SELECT %2$s FROM %3$s%4$s))'
            END,
            s.name, format(s.farthest, CASE WHEN s.ascends THEN 'max' ELSE 'min' END, s.attribute), s.relation_name,
            s.finite, CASE WHEN s.ascends THEN 'greatest' ELSE 'least' END
        ) AS moved_on
    FROM side AS s
)
SELECT
    c.name AS object,
    part.claims,
    'sequence' AS noun,
    format(part.phrase, c.relation_name, c.attribute, c.bound) AS phrase,
    ARRAY[c.sequence, c.relation]::bigint[] AS reads,
    NULL::bigint AS keyed_by,
    '' AS qualifier,
    ARRAY['next', 'held'] AS labels,
    ARRAY['s.next', 't.held'] AS expressions,
    format(
        'FROM (SELECT %1$s AS held FROM %2$s%3$s) AS t '
            'CROSS JOIN (SELECT last_value::numeric + CASE WHEN is_called THEN %4$s ELSE 0 END AS next FROM %5$s) AS s '
            'WHERE s.next %6$s t.held AND %7$s(t.held + (%4$s) %6$s %8$s)',
        c.outermost, c.relation_name, c.finite, c.step, c.name,
        CASE WHEN c.ascends THEN '<=' ELSE '>=' END, CASE WHEN part.claims = 1 THEN '' ELSE 'NOT ' END, c.bound
    ) AS source,
    CASE
        WHEN part.claims = 1 THEN c.moved_on
        WHEN c.bound IN (-9223372036854775808, 9223372036854775807)
            THEN format(
                'no sequence goes further: correct the outermost values of %s (%s), then: %s', c.relation_name, c.attribute,
                c.moved_on
            )
        ELSE format(
            'correct the outermost values of %s (%s), where no row should have them; else: %sALTER SEQUENCE %s AS %s NO %s; %s',
            c.relation_name, c.attribute,
            CASE WHEN c.narrow
                THEN format('ALTER TABLE %s ALTER COLUMN %s TYPE bigint; ', c.relation_name, c.attribute) ELSE '' END,
            c.name, CASE WHEN c.narrow THEN 'bigint' ELSE c.type END,
            CASE WHEN c.ascends THEN 'MAXVALUE' ELSE 'MINVALUE' END, c.moved_on
        )
    END AS remedy,
    NULL::text AS unprovable
FROM claim AS c
CROSS JOIN (
    VALUES
        (1::bigint, 'behind the values of %s (%s)'),
        (0, 'behind the values of %s (%s), with none past them: the last is %s')
) AS part (claims, phrase)
ORDER BY 1, 4
