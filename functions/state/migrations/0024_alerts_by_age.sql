-- Alerts by their age, for the statement alone that deletes the old ones: others go by their keys, whatever the statistics (decision 22).

DROP INDEX alert_notified;
CREATE INDEX alert_notified ON alert (notified_at) WHERE CASE WHEN notified_at IS NULL THEN false ELSE true END;
