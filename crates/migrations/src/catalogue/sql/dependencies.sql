-- What belongs to an extension (or to a type), which column owns a sequence, and what inherits from what.
SELECT 'extension', d.classid, d.objid, 0::oid, 0
FROM pg_depend AS d
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
UNION ALL
-- The constructors of a range type, and the cast to its multirange, come with it.
SELECT 'extension', d.classid, d.objid, 0, 0
FROM pg_depend AS d
WHERE d.deptype = 'i'
    AND d.classid IN ('pg_proc'::regclass, 'pg_cast'::regclass)
    AND d.refclassid IN ('pg_type'::regclass, 'pg_proc'::regclass)
UNION ALL
SELECT CASE d.deptype WHEN 'i' THEN 'identity' ELSE 'owner' END, d.classid, d.objid, d.refobjid, d.refobjsubid
FROM pg_depend AS d
JOIN pg_sequence AS s ON s.seqrelid = d.objid
WHERE d.classid = 'pg_class'::regclass
    AND d.refclassid = 'pg_class'::regclass
    AND d.refobjsubid > 0
    AND d.deptype IN ('a', 'i')
UNION ALL
SELECT 'parent', 0, i.inhrelid, i.inhparent, i.inhseqno
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhparent
WHERE c.relkind IN ('r', 'p', 'f')
