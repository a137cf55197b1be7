-- What the work of an attempt passes on with its refresh event.
CREATE TABLE run_metadata (
    run_id uuid NOT NULL REFERENCES data_product_status ON DELETE CASCADE,
    attempt integer NOT NULL,
    metadata jsonb NOT NULL,
    PRIMARY KEY (run_id, attempt)
);
