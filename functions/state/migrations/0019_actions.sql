-- What operators do: inputs that count without an event, and what an operation changed.

ALTER TABLE data_product_dependencies_events_status
    ADD COLUMN waived_at timestamptz,       -- it counts as arrived since then, without an event; for this run alone, in all its attempts
    ADD COLUMN waived_by text,
    ADD COLUMN waive_reason text
;
ALTER TABLE data_product_dependencies_events_status_history
    ADD COLUMN changed_by text,             -- of a waived input: who did it, and why
    ADD COLUMN reason text
;

ALTER DOMAIN run_event DROP CONSTRAINT run_event_check;
ALTER DOMAIN run_event ADD CONSTRAINT run_event_check CHECK (VALUE IN (
    'opened', 'waiting', 'released', 'started', 'completed', 'failed', 'skipped', 'cancelled', 'late', 'held', 'hold_removed', 'rerun', 'restarted',
    'condition_changed', 'repaired', 'started_again', 'outdated', 'resumed', 'due_changed',
    'waived'            -- an operator decided that an input counts as arrived, or took that back
));
ALTER DOMAIN dependency_event DROP CONSTRAINT dependency_event_check;
ALTER DOMAIN dependency_event ADD CONSTRAINT dependency_event_check CHECK (VALUE IN (
    'opened', 'arrived', 'reopened', 'added', 'removed', 'kept',
    'waived',           -- it counts as arrived
    'unwaived'          -- it is waited for again
));

CREATE OR REPLACE FUNCTION keep_dependency_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO data_product_dependencies_events_status_history (run_id, leaf, cycle, upstream, status, event, event_key, required_date, changed_at,
        changed_by, reason)
    SELECT run_id, leaf, cycle, upstream, status, event, event_key, CASE event WHEN 'added' THEN required_date END, changed_at,
        CASE WHEN event IN ('waived', 'unwaived') THEN waived_by END, CASE event WHEN 'waived' THEN waive_reason END
    FROM changed;
    RETURN NULL;
END $$;

-- What an operation changes: the runs that its statements change, and those whose inputs they change, in a setting of its transaction.

CREATE FUNCTION note_changed_runs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('headgate.changed_runs', true) <> '' THEN
        PERFORM set_config('headgate.changed_runs', current_setting('headgate.changed_runs')
            || (SELECT coalesce(string_agg(DISTINCT ' ' || run_id, ''), '') FROM changed), true);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER status_inserted_noted AFTER INSERT ON data_product_status
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_runs();
CREATE TRIGGER status_updated_noted AFTER UPDATE ON data_product_status
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_runs();
CREATE TRIGGER dependencies_inserted_noted AFTER INSERT ON data_product_dependencies_events_status
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_runs();
CREATE TRIGGER dependencies_updated_noted AFTER UPDATE ON data_product_dependencies_events_status
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed_runs();
