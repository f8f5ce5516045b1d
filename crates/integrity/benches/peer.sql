-- What a team writes for its runbook: the rows that are wrong, table by table, by LEFT JOIN.
SELECT p.payload_id, p.project_id FROM project_payloads p LEFT JOIN projects x ON x.project_id = p.project_id WHERE x.project_id IS NULL;
SELECT e.event_id, e.project_id FROM project_events e LEFT JOIN projects x ON x.project_id = e.project_id WHERE x.project_id IS NULL;
SELECT project_id, status FROM projects WHERE status NOT IN ('draft', 'estimating', 'submitted', 'accepted', 'rejected');
SELECT project_id, confidence FROM projects WHERE NOT (confidence IS NULL OR confidence BETWEEN 0 AND 1);
SELECT payload_id, module FROM project_payloads
WHERE module NOT IN ('signage.single_pole.direct_burial', 'signage.single_pole.base_plate', 'signage.two_pole.direct_burial');
SELECT etag, count(*) FROM projects WHERE etag IS NOT NULL GROUP BY etag HAVING count(*) > 1;
