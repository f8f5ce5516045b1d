-- Mebibytes that are free where the server keeps its data, as the container's own df tells them.
BEGIN;
CREATE TEMPORARY TABLE told (line text);
COPY told FROM PROGRAM 'df -Pk .';
SELECT split_part(regexp_replace(line, '\s+', ' ', 'g'), ' ', 4)::bigint / 1024 AS free
FROM told
WHERE line !~ '^Filesystem';
