-- Shadow: the application decides, and another scheduler does the work (decision 89).

CREATE TABLE application_mode (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    shadow boolean NOT NULL,
    since timestamptz NOT NULL,
    changed_by text NOT NULL
);

ALTER TABLE data_product_status
    ADD COLUMN shadow boolean NOT NULL DEFAULT false    -- its attempt began in shadow: it has no machine
;

ALTER DOMAIN run_event DROP CONSTRAINT run_event_check;
ALTER DOMAIN run_event ADD CONSTRAINT run_event_check CHECK (VALUE IN (
    'opened', 'waiting', 'released', 'repaired', 'started', 'completed', 'failed', 'skipped', 'cancelled', 'late', 'held', 'hold_removed', 'rerun',
    'restarted', 'started_again', 'condition_changed', 'outdated', 'resumed', 'waived', 'due_changed', 'held_over',
    'left_shadow'       -- the application left shadow, so a run that has ended does not go on
));

-- What the existing scheduler has run.
CREATE TABLE existing_job_run (
    job_run_id text PRIMARY KEY,        -- as its service names it
    type text NOT NULL,
    job text NOT NULL,
    product_id text,                    -- null: no product, and `problem` says why
    step text,
    business_date date,
    cycle text,
    state text NOT NULL,                -- STARTED, or how it ended
    started_at timestamptz,             -- null: its service did not know it any more
    ended_at timestamptz,
    problem text,
    seen_at timestamptz NOT NULL
);
CREATE INDEX existing_job_run_of ON existing_job_run (product_id, business_date, cycle, step, started_at);
CREATE INDEX existing_job_run_unmatched ON existing_job_run (seen_at, job_run_id) WHERE product_id IS NULL;
CREATE INDEX existing_job_run_seen ON existing_job_run (seen_at);

-- Each product and date that it has run.
CREATE TABLE existing_run (
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    status text NOT NULL CHECK (status IN ('STARTED', 'COMPLETED', 'ERROR')),
    attempt integer NOT NULL,           -- how often an end was seen
    started_at timestamptz,             -- the first start; null: nothing has reported it
    began_at timestamptz,               -- the first start after `completed_at`
    ended_at timestamptz,               -- the last end
    completed_at timestamptz,           -- the last end that was COMPLETED
    PRIMARY KEY (business_date, product_id, cycle)
);

-- The one place where effects are kept back: whatever stores one, it is not performed in shadow. A signal is published within the application alone.
CREATE FUNCTION keep_back_effect() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT coalesce((SELECT m.shadow FROM application_mode m), false) THEN
        RETURN NEW;
    ELSIF NEW.effect_key LIKE 'signal %' THEN
        NEW.payload := NEW.payload || '{"visibility": "domain"}';
    ELSE
        NEW.done_at := NEW.due_at;
        NEW.outcome := 'not performed: the application is in shadow';
        NEW.payload := '{}';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER effect_kept_back BEFORE INSERT OR UPDATE OF done_at, payload ON effect FOR EACH ROW
    WHEN (NEW.done_at IS NULL) EXECUTE FUNCTION keep_back_effect();
