SELECT project_id, count(*) FROM projects GROUP BY project_id HAVING count(*) > 1;
SELECT payload_id, count(*) FROM project_payloads GROUP BY payload_id HAVING count(*) > 1;
SELECT event_id, count(*) FROM project_events GROUP BY event_id HAVING count(*) > 1;
