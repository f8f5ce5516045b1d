-- The btree operator classes that an index uses without naming them: those of their own type.
SELECT o.oid, o.opcintype, o.opcdefault
FROM pg_opclass AS o
JOIN pg_am AS am ON am.oid = o.opcmethod
WHERE am.amname = 'btree'
