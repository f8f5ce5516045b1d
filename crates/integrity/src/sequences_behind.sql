-- A claim for each sequence and each column of a number type that it feeds, whether it owns it (serial, identity) or
-- stands in its default: the next value is past every value the column holds. A sequence that cycles makes no such
-- claim, nor does one that the default computes with, or that it owns and takes no values from. The sequence is read after the snapshot was taken, so a writer beside us only moves it further ahead.
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
)
SELECT
    format('%I.%I', sn.nspname, sc.relname) AS object,
    1::bigint AS claims,
    'sequence' AS noun,
    format('behind the values of %I.%I (%I)', n.nspname, c.relname, a.attname) AS phrase,
    ARRAY[sc.oid, c.oid]::bigint[] AS reads,
    NULL::bigint AS keyed_by,
    '' AS qualifier,
    ARRAY['next', 'held'] AS labels,
    ARRAY['s.next', 't.held'] AS expressions,
    format(
        'FROM (SELECT %s(%I)::numeric AS held FROM %I.%I) AS t '
            'CROSS JOIN (SELECT last_value::numeric + CASE WHEN is_called THEN %s ELSE 0 END AS next FROM %I.%I) AS s '
            'WHERE s.next %s t.held',
        CASE WHEN q.seqincrement > 0 THEN 'max' ELSE 'min' END, a.attname, n.nspname, c.relname,
        q.seqincrement, sn.nspname, sc.relname,
        CASE WHEN q.seqincrement > 0 THEN '<=' ELSE '>=' END
    ) AS source,
    format(
        'SELECT setval(%L, (SELECT %s(%I) FROM %I.%I))',
        format('%I.%I', sn.nspname, sc.relname),
        CASE WHEN q.seqincrement > 0 THEN 'max' ELSE 'min' END, a.attname, n.nspname, c.relname
    ) AS remedy,
    NULL::text AS unprovable
FROM fed AS f
JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = f.sequence
JOIN pg_catalog.pg_class AS sc ON sc.oid = f.sequence
JOIN pg_catalog.pg_namespace AS sn ON sn.oid = sc.relnamespace
JOIN pg_catalog.pg_class AS c ON c.oid = f.relation AND c.relkind IN ('r', 'p')
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = f.attnum
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
WHERE t.typcategory = 'N' AND NOT q.seqcycle AND n.nspname = ANY ($1)
    -- A partition's column is fed through its parent's, unless by a sequence of its own.
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_partition_ancestors(c.oid) AS above
        JOIN fed AS same ON same.relation = above.relid AND same.relation <> c.oid AND same.sequence = f.sequence
    )
ORDER BY 1, 4
