-- What is kept for good takes less room.

-- History is found by its run. Nothing looks for a single row of it, and an identity needs no index to be unique.
ALTER TABLE data_product_status_history DROP CONSTRAINT data_product_status_history_pkey;
ALTER TABLE data_product_dependencies_events_status_history DROP CONSTRAINT data_product_dependencies_events_status_history_pkey;

-- The execution of an attempt stands where it became known, and not in each later row.
CREATE OR REPLACE FUNCTION keep_status_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO data_product_status_history (run_id, product_id, business_date, cycle, attempt, status, event, released_at,
        release_reason, execution_arn, error, cause, changed_at, changed_by)
    SELECT run_id, product_id, business_date, cycle, attempt, status, event, released_at,
        CASE WHEN event IN ('released', 'repaired') THEN release_reason END,
        CASE WHEN event = 'waiting' OR (event = 'started' AND waiting_since IS NULL) THEN execution_arn END,
        error, cause, changed_at, changed_by
    FROM changed;
    RETURN NULL;
END $$;
