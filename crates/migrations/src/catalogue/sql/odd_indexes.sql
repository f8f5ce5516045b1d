-- The definitions of indexes that turn out to be less plain than they look.
SELECT i.index, pg_get_indexdef(i.index)
FROM unnest($1::oid[]) AS i (index)
