-- The waves of batches: what one call planned, by the moment at which its machine entered the state.

CREATE TABLE landing_wave (
    run_id uuid NOT NULL REFERENCES data_product_status ON DELETE CASCADE,
    attempt integer NOT NULL,
    step text NOT NULL,
    wave integer NOT NULL,
    entered_at text NOT NULL,           -- a retried call has the same one
    decision text NOT NULL CHECK (decision IN ('load', 'done', 'rejected', 'failed', 'exhausted')),
    message text,                       -- of what ends the step
    planned_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, attempt, step, wave),
    UNIQUE (run_id, attempt, step, entered_at)
);
