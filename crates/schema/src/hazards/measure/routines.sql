-- Whether a statement ($1) names a routine of the system's own whose text is about what all databases of the server share.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND pg_catalog.strpos(pg_catalog.lower($1), pg_catalog.lower(p.proname)) > 0
        AND p.prosrc ~* '\m(create|alter|drop|comment\s+on)\s+(role|user|group|database|tablespace|subscription)\M|\malter\s+system\M|\m(drop|reassign)\s+owned\M|\m(grant|revoke)\M'
)
