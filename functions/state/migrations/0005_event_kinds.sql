-- History says what happened, in the words of the statement that made it happen.

CREATE DOMAIN run_event AS text CHECK (VALUE IN (
    'opened',           -- the run was made
    'waiting',          -- its machine waits and has left a task token
    'released',         -- its condition holds, or its deadline says to start
    'started',          -- its pipeline begins
    'completed', 'failed', 'skipped', 'cancelled',  -- its attempt ended
    'late',             -- its SLA is missed
    'held', 'hold_removed',
    'rerun',            -- an operator started the next attempt
    'restarted'         -- the next attempt was started because the machine was lost
));
CREATE DOMAIN dependency_event AS text CHECK (VALUE IN (
    'opened',           -- the run waits for it
    'arrived',
    'reopened'          -- what had arrived is being made again
));

ALTER TABLE data_product_status ADD COLUMN event run_event;
ALTER TABLE data_product_status_history ADD COLUMN event run_event;
ALTER TABLE data_product_dependencies_events_status ADD COLUMN event dependency_event;
ALTER TABLE data_product_dependencies_events_status_history ADD COLUMN event dependency_event;

-- Rows of before, as well as it can be known from their neighbours.

UPDATE data_product_status_history h SET event = CASE
        WHEN h.attempt IS DISTINCT FROM before.attempt AND before.attempt IS NULL THEN 'opened'
        WHEN h.attempt <> before.attempt THEN CASE h.changed_by WHEN 'monitor' THEN 'restarted' ELSE 'rerun' END
        WHEN h.status <> before.status THEN CASE h.status WHEN 'PROCESSING' THEN 'started' WHEN 'COMPLETED' THEN 'completed'
            WHEN 'ERROR' THEN 'failed' WHEN 'SKIPPED' THEN 'skipped' ELSE 'cancelled' END
        WHEN h.released_at IS DISTINCT FROM before.released_at THEN 'released'
        WHEN h.changed_by = 'machine' THEN 'waiting'
        WHEN h.changed_by = 'monitor' THEN 'late'
        ELSE 'held' END
    FROM (
        SELECT history_id, lag(attempt) OVER runs AS attempt, lag(status) OVER runs AS status, lag(released_at) OVER runs AS released_at
        FROM data_product_status_history WINDOW runs AS (PARTITION BY run_id ORDER BY history_id)) before
    WHERE h.history_id = before.history_id;

UPDATE data_product_dependencies_events_status_history h SET event = CASE
        WHEN h.status = 'ARRIVED' THEN 'arrived' WHEN before.status IS NULL THEN 'opened' ELSE 'reopened' END
    FROM (
        SELECT history_id, lag(status) OVER (PARTITION BY run_id, leaf, cycle ORDER BY history_id) AS status
        FROM data_product_dependencies_events_status_history) before
    WHERE h.history_id = before.history_id;

ALTER TABLE data_product_status DISABLE TRIGGER USER;
ALTER TABLE data_product_dependencies_events_status DISABLE TRIGGER USER;

UPDATE data_product_status r SET event = coalesce((
    SELECT h.event FROM data_product_status_history h WHERE h.run_id = r.run_id ORDER BY h.history_id DESC LIMIT 1), 'opened');

UPDATE data_product_dependencies_events_status SET event = CASE status WHEN 'ARRIVED' THEN 'arrived' ELSE 'opened' END;

ALTER TABLE data_product_status ENABLE TRIGGER USER;
ALTER TABLE data_product_dependencies_events_status ENABLE TRIGGER USER;

ALTER TABLE data_product_status ALTER COLUMN event SET NOT NULL;
ALTER TABLE data_product_status_history ALTER COLUMN event SET NOT NULL;
ALTER TABLE data_product_dependencies_events_status ALTER COLUMN event SET NOT NULL;
ALTER TABLE data_product_dependencies_events_status_history ALTER COLUMN event SET NOT NULL;

CREATE OR REPLACE FUNCTION keep_status_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO data_product_status_history (run_id, product_id, business_date, cycle, attempt, status, event, released_at,
        release_reason, execution_arn, error, cause, changed_at, changed_by)
    SELECT run_id, product_id, business_date, cycle, attempt, status, event, released_at, release_reason, execution_arn, error, cause,
        changed_at, changed_by
    FROM changed;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION keep_dependency_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO data_product_dependencies_events_status_history (run_id, leaf, cycle, upstream, status, event, event_key, changed_at)
    SELECT run_id, leaf, cycle, upstream, status, event, event_key, changed_at FROM changed;
    RETURN NULL;
END $$;

-- Names of today.

ALTER TABLE data_product_status RENAME COLUMN late_told TO late_notified;
ALTER TABLE alert RENAME COLUMN told_at TO notified_at;
ALTER TABLE alert RENAME COLUMN belongs_to TO root_cause;
ALTER INDEX alert_because_of RENAME TO alert_of_root_cause;

DROP FUNCTION IF EXISTS told_of(data_product_status, jsonb, timestamptz);

-- Channels are known by their modules alone.

ALTER TABLE alert_delivery DROP CONSTRAINT alert_delivery_channel_check;
