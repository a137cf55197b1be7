-- Metadata that changes while runs are open.

-- Null where one business date is needed.
ALTER TABLE data_product_dependencies_events_status ADD COLUMN max_age_seconds integer;
ALTER TABLE data_product_dependencies_events_status DISABLE TRIGGER USER;
UPDATE data_product_dependencies_events_status i SET max_age_seconds = d.max_age_seconds
    FROM data_product_status r JOIN data_product_dependencies d USING (product_id)
    WHERE i.not_before IS NOT NULL AND r.run_id = i.run_id AND d.leaf = i.leaf AND d.upstream = i.upstream;
ALTER TABLE data_product_dependencies_events_status ENABLE TRIGGER USER;

ALTER DOMAIN run_event DROP CONSTRAINT run_event_check;
ALTER DOMAIN run_event ADD CONSTRAINT run_event_check CHECK (VALUE IN (
    'opened', 'waiting', 'released', 'started', 'completed', 'failed', 'skipped', 'cancelled', 'late', 'held', 'hold_removed', 'rerun', 'restarted',
    'condition_changed' -- the run waits for what its product's new metadata says
));
ALTER DOMAIN dependency_event DROP CONSTRAINT dependency_event_check;
ALTER DOMAIN dependency_event ADD CONSTRAINT dependency_event_check CHECK (VALUE IN (
    'opened', 'arrived', 'reopened',
    'added',            -- of a changed condition: the run waits for it from now on
    'removed',          -- the run no longer waits for it
    'kept'              -- it has another number in the changed condition
));

-- The account and region whose machine runs it; null: these, or none.
ALTER TABLE data_product ADD COLUMN runs_in text;

-- Of what was added or removed.
ALTER TABLE data_product_dependencies_events_status_history ADD COLUMN required_date date;

CREATE OR REPLACE FUNCTION keep_dependency_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO data_product_dependencies_events_status_history (run_id, leaf, cycle, upstream, status, event, event_key, required_date, changed_at)
    SELECT run_id, leaf, cycle, upstream, status, event, event_key, CASE event WHEN 'added' THEN required_date END, changed_at FROM changed;
    RETURN NULL;
END $$;
