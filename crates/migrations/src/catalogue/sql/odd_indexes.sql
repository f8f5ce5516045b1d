-- The definitions of indexes that turn out to be less plain than they look.
SELECT i.index, pg_catalog.pg_get_indexdef(i.index)
FROM pg_catalog.unnest($1::oid[]) AS i (index)
