-- A hold holds past the deadline.

ALTER TABLE data_product_status
    ADD COLUMN held_over_at timestamptz     -- its deadline passed while it was held, and its machine has ended: the end of the hold starts its next attempt
;
ALTER DOMAIN run_event DROP CONSTRAINT run_event_check;
ALTER DOMAIN run_event ADD CONSTRAINT run_event_check CHECK (VALUE IN (
    'opened', 'waiting', 'released', 'repaired', 'started', 'completed', 'failed', 'skipped', 'cancelled', 'late', 'held', 'hold_removed', 'rerun',
    'restarted', 'started_again', 'condition_changed', 'outdated', 'resumed', 'waived', 'due_changed',
    'held_over'         -- its deadline passed while it was held
));
