-- Effects that are not tried any more, and the order in which the monitor asks AWS.

ALTER TABLE effect
    ADD COLUMN failing_since timestamptz,   -- when a try failed first
    ADD COLUMN parked_at timestamptz        -- not tried any more, until an operator retries it
;
DROP INDEX effect_due;
CREATE INDEX effect_due ON effect (due_at, effect_id) WHERE CASE WHEN done_at IS NULL AND parked_at IS NULL THEN true ELSE false END;
CREATE INDEX effect_parked ON effect (effect_id) WHERE CASE WHEN done_at IS NULL AND parked_at IS NOT NULL THEN true ELSE false END;

CREATE TABLE effect_history (
    history_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    effect_id bigint NOT NULL REFERENCES effect ON DELETE CASCADE,
    run_id uuid,
    event text NOT NULL CHECK (event IN ('parked', 'retried')),
    outcome text,                           -- of the last try
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);
CREATE INDEX effect_history_of ON effect_history (effect_id);
CREATE INDEX effect_history_of_run ON effect_history (run_id);

CREATE SEQUENCE monitor_tick AS integer;

ALTER TABLE job_run
    ADD COLUMN asked_in integer             -- the tick of the monitor that asked its service last
;
DROP INDEX job_run_unfinished;
CREATE INDEX job_run_unfinished ON job_run (asked_in NULLS FIRST, started_at) WHERE CASE WHEN state = 'STARTED' THEN true ELSE false END;

-- Beside the runs: a change of a run is an event of its history, and this is none.

CREATE TABLE execution_asked (
    run_id uuid PRIMARY KEY REFERENCES data_product_status ON DELETE CASCADE,
    asked_in integer NOT NULL               -- the tick of the monitor that asked Step Functions last
);

ALTER DOMAIN run_event DROP CONSTRAINT run_event_check;
ALTER DOMAIN run_event ADD CONSTRAINT run_event_check CHECK (VALUE IN (
    'opened', 'waiting', 'released', 'started', 'completed', 'failed', 'skipped', 'cancelled', 'late', 'held', 'hold_removed', 'rerun', 'restarted',
    'condition_changed',
    'repaired',         -- the monitor released what had been missed
    'started_again'     -- the monitor found that its execution does not exist, and had it started once more
));
