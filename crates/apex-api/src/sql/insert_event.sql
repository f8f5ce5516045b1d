-- One line of the audit log, written in the transaction of what it tells.
INSERT INTO project_events (project_id, event_type, actor, "timestamp", data)
VALUES ($1, $2, $3, $4, CAST($5 AS json))
