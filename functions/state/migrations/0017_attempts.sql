-- Attempts that count everywhere, runs that resume by themselves, and every end and start of a run as an event.

ALTER TABLE refresh_event DROP CONSTRAINT refresh_event_status_check;
ALTER TABLE refresh_event ADD CONSTRAINT refresh_event_status_check
    CHECK (status IN ('STARTED', 'COMPLETED', 'ERROR', 'SKIPPED', 'CANCELLED', 'REOPENED'));
-- Why it failed, or was skipped or cancelled, where its producer says so.
ALTER TABLE refresh_event ADD COLUMN cause text;

-- Of a product that runs in another account: the products whose refreshes it needs. A cascade of reruns reaches it there.
ALTER TABLE data_product ADD COLUMN needs text[];

-- How long a run that ended because inputs were missing may resume; null: never.
ALTER TABLE data_product ADD COLUMN resume_seconds integer DEFAULT 86400;

-- What a run does that has used a refresh which is made again.
ALTER TABLE data_product_dependencies ADD COLUMN on_update text NOT NULL DEFAULT 'notify' CHECK (on_update IN ('rerun', 'notify', 'ignore'));

ALTER TABLE data_product_status
    ADD COLUMN resume_until timestamptz,                 -- it ended only because inputs were missing; null: it does not resume
    ADD COLUMN outdated_at timestamptz,                  -- since when an input that it used is being made again, or was
    ADD COLUMN runs_again boolean NOT NULL DEFAULT false -- it is outdated, and its next attempt starts when its condition holds
;
CREATE INDEX data_product_status_followed ON data_product_status (product_id, resume_until)
    WHERE CASE WHEN resume_until IS NULL AND outdated_at IS NULL THEN false ELSE true END;

CREATE INDEX inputs_of_event ON data_product_dependencies_events_status (event_key) WHERE event_key IS NOT NULL;

ALTER DOMAIN run_event DROP CONSTRAINT run_event_check;
ALTER DOMAIN run_event ADD CONSTRAINT run_event_check CHECK (VALUE IN (
    'opened', 'waiting', 'released', 'started', 'completed', 'failed', 'skipped', 'cancelled', 'late', 'held', 'hold_removed', 'rerun', 'restarted',
    'condition_changed', 'repaired', 'started_again',
    'resumed',          -- what was missing has arrived: the next attempt started by itself
    'outdated',         -- an input that it used is being made again
    'waived',           -- an operator decided that an input counts as arrived
    'due_changed'
));
ALTER DOMAIN dependency_event DROP CONSTRAINT dependency_event_check;
ALTER DOMAIN dependency_event ADD CONSTRAINT dependency_event_check CHECK (VALUE IN (
    'opened', 'arrived', 'reopened', 'added', 'removed', 'kept', 'waived'
));

ALTER TABLE alert DROP CONSTRAINT alert_kind_check;
ALTER TABLE alert ADD CONSTRAINT alert_kind_check CHECK (kind IN ('ERROR', 'LATE', 'COMPLETED', 'STARTED', 'SKIPPED', 'OUTDATED'));
