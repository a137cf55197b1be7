-- An SLA belongs to the business date: its run knows when it is due, and a date can miss it without a run.

-- `sla_timezone` is that of `complete_by`; `sla_since` is when the SLA became what it is.
ALTER TABLE data_product ADD COLUMN sla_timezone text, ADD COLUMN sla_days integer, ADD COLUMN sla_after_seconds integer,
    ADD COLUMN sla_since timestamptz;
UPDATE data_product p SET sla_timezone = s.timezone, sla_since = '-infinity'
    FROM data_product_schedule s WHERE s.product_id = p.product_id AND p.complete_by IS NOT NULL;

ALTER TABLE data_product_status ADD COLUMN due_at timestamptz;

-- A date whose run nobody opened in time. The run has this id once somebody opens it, so alerts before and after are of one run.
CREATE TABLE unmade_opening (
    run_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    product_id text NOT NULL REFERENCES data_product,
    business_date date NOT NULL,
    cycle text NOT NULL,
    opens_at timestamptz,               -- null: by an event
    due_at timestamptz,
    late_at timestamptz,                -- when the monitor found that the SLA is missed
    passed_over_at timestamptz,         -- when the scheduler found that it is too late to open it
    UNIQUE (product_id, business_date, cycle)
);
CREATE INDEX unmade_opening_of_date ON unmade_opening (business_date, product_id);
CREATE INDEX unmade_opening_passed_over ON unmade_opening (passed_over_at) WHERE passed_over_at IS NOT NULL;

-- Runs of the last week that have an SLA: by the moment of their first opening. A rerun had moved `opened_at`.
ALTER TABLE data_product_status DISABLE TRIGGER USER;
UPDATE data_product_status r SET due_at = (
        SELECT (first.day + p.complete_by + CASE WHEN (first.day + p.complete_by) AT TIME ZONE p.sla_timezone < first.at THEN interval '1 day' ELSE '0' END)
            AT TIME ZONE p.sla_timezone
        FROM (SELECT min(h.changed_at) AS at, (min(h.changed_at) AT TIME ZONE p.sla_timezone)::date AS day
            FROM data_product_status_history h WHERE h.run_id = r.run_id AND h.event = 'opened') first)
    FROM data_product p
    WHERE p.product_id = r.product_id AND p.sla_timezone IS NOT NULL
        AND (r.status IN ('WAITING', 'PROCESSING') OR r.opened_at > (SELECT max(opened_at) FROM data_product_status) - interval '7 days');
ALTER TABLE data_product_status ENABLE TRIGGER USER;

DROP INDEX data_product_status_punctual;
CREATE INDEX data_product_status_punctual ON data_product_status (due_at)
    WHERE CASE WHEN late_notified OR due_at IS NULL OR status IN ('COMPLETED', 'SKIPPED', 'CANCELLED') THEN false ELSE true END;
DROP FUNCTION IF EXISTS due_at(data_product_status);
DROP FUNCTION IF EXISTS punctual_runs_of(text);

ALTER DOMAIN run_event DROP CONSTRAINT run_event_check;
ALTER DOMAIN run_event ADD CONSTRAINT run_event_check CHECK (VALUE IN (
    'opened', 'waiting', 'released', 'repaired', 'started', 'completed', 'failed', 'skipped', 'cancelled', 'late', 'held', 'hold_removed', 'rerun',
    'restarted', 'started_again', 'condition_changed', 'outdated', 'resumed', 'waived',
    'due_changed'       -- the SLA of its product's new metadata
));
