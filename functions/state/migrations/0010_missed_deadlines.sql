-- An attempt whose deadline has decided to fail or to skip it. It is not released any more, whatever arrives before its machine records the outcome.

CREATE TABLE missed_deadline (
    run_id uuid NOT NULL REFERENCES data_product_status ON DELETE CASCADE,
    attempt integer NOT NULL,
    decision text NOT NULL CHECK (decision IN ('fail', 'skip')),
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, attempt)
);
