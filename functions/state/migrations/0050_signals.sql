-- What has come that stands for the refresh of a product which is refreshed elsewhere.

ALTER TABLE data_product
    ADD COLUMN signal jsonb             -- `signal` of the product, as the catalog has it; null: it has none
;
CREATE INDEX data_product_signal ON data_product ((signal ->> 'subject')) WHERE signal IS NOT NULL;

CREATE TABLE signal (
    signal_key text PRIMARY KEY,        -- the same event for the same date is recorded once
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    status text NOT NULL CHECK (status IN ('COMPLETED', 'ERROR')),
    occurred_at timestamptz NOT NULL,   -- by the clock of what reports it
    received_at timestamptz NOT NULL,
    attempt integer,                    -- of the refresh event in which it was published; null: a later one was known by then
    cause text,
    facts jsonb NOT NULL                -- what its refresh event passes on
);
CREATE INDEX signal_of ON signal (product_id, business_date, cycle);
CREATE INDEX signal_received ON signal (received_at);
