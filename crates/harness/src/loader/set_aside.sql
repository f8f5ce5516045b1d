UPDATE pg_catalog.pg_index
SET indisready = false, indisvalid = false
WHERE indexrelid = ANY ($1::regclass[])
