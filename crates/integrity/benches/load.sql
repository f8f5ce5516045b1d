-- {n} projects, twice as many payloads and five times as many events, in an order that is not that of the projects. The
-- secondary indexes of the two large tables are made afterwards, from their own definitions.
SET session_replication_role = replica;
SET maintenance_work_mem = '256MB';
CREATE TEMP TABLE later AS
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index AS i
WHERE i.indrelid IN ('projects'::regclass, 'project_payloads'::regclass, 'project_events'::regclass) AND NOT i.indisprimary;
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT * FROM later LOOP EXECUTE 'DROP INDEX ' || one.name; END LOOP;
END
$$;
INSERT INTO projects (project_id, account_id, name, customer, description, site_name, street, status, created_by, updated_by,
    created_at, updated_at, etag, constants_version, content_sha256, confidence)
SELECT 'proj_' || lpad(n::text, 8, '0'), 'acc_' || lpad((n % 100)::text, 3, '0'), 'Project ' || n, 'Customer ' || n % 500,
    'Sign ' || n || ', as drawn', 'Site ' || n % 2000, n % 900 || ' Main St',
    (ARRAY['draft', 'estimating', 'submitted', 'accepted', 'rejected'])[1 + n % 5], 'user_01', 'user_01',
    timestamptz '2025-03-01' + n * interval '6 s', timestamptz '2025-03-01' + n * interval '7 s',
    encode(sha256(('e' || n)::bytea), 'hex'), 'footing_v1,material_v1,wind_v1', encode(sha256(('c' || n)::bytea), 'hex'),
    0.5 + n % 500 / 1000.0
FROM generate_series(1, {n}) AS n;
INSERT INTO project_payloads (project_id, module, config, files, cost_snapshot, sha256)
SELECT 'proj_' || lpad((1 + n * 379721::bigint % {n})::text, 8, '0'),
    (ARRAY['signage.single_pole.direct_burial', 'signage.single_pole.base_plate', 'signage.two_pole.direct_burial'])[1 + n % 3],
    json_build_object('project', n, 'height_ft', 30, 'wind_mph', 115), '[{"name": "drawing.pdf", "bytes": 10240}]',
    '{"total_usd": 100}', encode(sha256(('p' || n)::bytea), 'hex')
FROM generate_series(1, 2 * {n}) AS n;
INSERT INTO project_events (project_id, event_type, actor, "timestamp", data)
SELECT 'proj_' || lpad((1 + n * 611953::bigint % {n})::text, 8, '0'),
    (ARRAY['project.created', 'file.attached', 'design.completed'])[1 + n % 3], 'user_01',
    timestamptz '2025-03-01' + n * interval '1 s', '{"status": "draft"}'
FROM generate_series(1, 5 * {n}) AS n;
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT * FROM later LOOP EXECUTE one.definition; END LOOP;
END
$$;
CREATE EXTENSION amcheck;
REFRESH MATERIALIZED VIEW project_stats;
