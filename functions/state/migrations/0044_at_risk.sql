-- Runs that are expected to miss their SLA, of which somebody is notified before they do.

ALTER TABLE alert DROP CONSTRAINT alert_kind_check;
ALTER TABLE alert ADD CONSTRAINT alert_kind_check CHECK (kind IN ('ERROR', 'LATE', 'AT_RISK', 'COMPLETED', 'STARTED', 'SKIPPED', 'OUTDATED', 'FILES'));

CREATE TABLE risk_notice (              -- once for each run and due time
    run_id uuid NOT NULL REFERENCES data_product_status (run_id) ON DELETE CASCADE,
    due_at timestamptz NOT NULL,
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, due_at)
);
