-- Indexes for questions by key and by date, so that no statement reads more as history grows.

-- What is open is found by conditions that only the statements meant for it state (`is_open`, transitions/15_open.sql). With the condition
-- `status = 'WAITING'` the planner took such an index for statements that go by a key as well, and read all of it for each row, whenever the
-- statistics were of a moment at which nothing waited.

DROP INDEX data_product_status_open;
CREATE INDEX data_product_status_open ON data_product_status (product_id)
    WHERE CASE WHEN status IN ('WAITING', 'PROCESSING') THEN true ELSE false END;
CREATE INDEX data_product_status_punctual ON data_product_status (product_id)
    WHERE CASE WHEN late_notified OR status IN ('COMPLETED', 'SKIPPED', 'CANCELLED') THEN false ELSE true END;
CREATE INDEX data_product_status_of_date ON data_product_status (business_date, product_id);

DROP INDEX dependencies_waiting_for;
CREATE INDEX dependencies_waiting_for ON data_product_dependencies_events_status (upstream, required_date)
    WHERE CASE WHEN status = 'WAITING' THEN true ELSE false END;

DROP INDEX job_run_unfinished;
CREATE INDEX job_run_unfinished ON job_run (started_at) WHERE CASE WHEN state = 'STARTED' THEN true ELSE false END;

DROP INDEX effect_due;
CREATE INDEX effect_due ON effect (due_at, effect_id) WHERE CASE WHEN done_at IS NULL THEN true ELSE false END;
DROP INDEX effect_of;
CREATE INDEX effect_of ON effect (run_id);

CREATE INDEX refresh_event_of_run ON refresh_event (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX refresh_event_of_date ON refresh_event (business_date, product_id);

CREATE INDEX data_product_machine ON data_product (machine) WHERE machine IS NOT NULL;

DROP INDEX alert_of_product;
CREATE INDEX alert_of_product ON alert (product_id, (fact ->> 'business_date'));
DROP INDEX alert_of_root_cause;
CREATE INDEX alert_of_root_cause ON alert (root_cause, (fact ->> 'business_date')) WHERE root_cause IS NOT NULL;
CREATE INDEX alert_delivery_to ON alert_delivery (channel, target) WHERE message_id IS NOT NULL;
