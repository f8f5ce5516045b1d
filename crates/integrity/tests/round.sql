-- Whoever refreshes the statistics does so alone: a refresh that waited for another one would not show what that one
-- showed.
-- A project with its payload and its history; the statistics are brought up to date in the same transaction.
BEGIN;
SELECT pg_advisory_xact_lock(1);
INSERT INTO projects (project_id, account_id, name, status, created_by, updated_by, etag, constants_version, content_sha256, confidence)
VALUES ('proj_w{writer}_{round}', 'acc_w{writer}', 'Written', 'draft', 'writer', 'writer',
    encode(sha256('{writer}/{round}'::bytea), 'hex'), 'v1', encode(sha256('{round}/{writer}'::bytea), 'hex'), 0.5);
INSERT INTO project_events (project_id, event_type, actor, "timestamp", data)
VALUES ('proj_w{writer}_{round}', 'project.created', 'writer', now(), '{"status": "draft"}');
INSERT INTO project_payloads (project_id, module, config, files, cost_snapshot, sha256)
VALUES ('proj_w{writer}_{round}', 'signage.single_pole.base_plate', '{}', '[]', '{}', encode(sha256('{round}'::bytea), 'hex'));
COMMIT;
BEGIN;
SELECT pg_advisory_xact_lock(1);
UPDATE projects SET status = 'estimating', updated_at = now(), etag = encode(sha256('{writer}/{round}/2'::bytea), 'hex')
WHERE project_id = 'proj_w{writer}_{round}';
INSERT INTO project_events (project_id, event_type, actor, "timestamp", data)
VALUES ('proj_w{writer}_{round}', 'project.status_changed', 'writer', now(), '{"from": "draft", "to": "estimating"}');
UPDATE project_payloads SET module = 'signage.two_pole.direct_burial' WHERE project_id = 'proj_w{writer}_{round}';
REFRESH MATERIALIZED VIEW CONCURRENTLY project_stats;
COMMIT;
-- The one of four rounds ago goes, with all that belongs to it.
BEGIN;
SELECT pg_advisory_xact_lock(1);
DELETE FROM projects WHERE project_id = 'proj_w{writer}_' || ({round} - 4);
REFRESH MATERIALIZED VIEW CONCURRENTLY project_stats;
COMMIT;
BEGIN;
SELECT pg_advisory_xact_lock(1);
INSERT INTO calibration_constants (name, version, value, effective_from) VALUES ('w{writer}', '{round}', {round}, '2025-01-01');
UPDATE calibration_constants SET value = value + 1 WHERE name = 'w{writer}';
DELETE FROM calibration_constants WHERE name = 'w{writer}' AND version <> '{round}';
INSERT INTO pricing_configs (item_code, version, price_usd, effective_from) VALUES ('w{writer}', '{round}', 1, '2025-01-01');
DELETE FROM pricing_configs WHERE item_code = 'w{writer}' AND version <> '{round}';
INSERT INTO material_catalog (material_id, standard, grade, shape, properties) VALUES ('w{writer}_{round}', 's', 'g', 'h', '{}');
DELETE FROM material_catalog WHERE material_id LIKE 'w{writer}\_%' AND material_id <> 'w{writer}_{round}';
INSERT INTO code_references (ref_id, code, section, title) VALUES ('w{writer}_{round}', 'c', 's', 't');
DELETE FROM code_references WHERE ref_id LIKE 'w{writer}\_%' AND ref_id <> 'w{writer}_{round}';
INSERT INTO partition_metadata (table_name, partition_name, partition_type, partition_key) VALUES ('w{writer}', '{round}', 't', 'k');
DELETE FROM partition_metadata WHERE table_name = 'w{writer}' AND partition_name <> '{round}';
COMMIT;
