-- Change data capture: which files of a batch come, in their order, before one of their lane that has been loaded; and a step that has planned all waves of
-- one execution while files are left.

ALTER TABLE landing_batch ADD COLUMN late bigint[] NOT NULL DEFAULT '{}';
ALTER TABLE landing_wave DROP CONSTRAINT landing_wave_decision_check;
ALTER TABLE landing_wave ADD CONSTRAINT landing_wave_decision_check
    CHECK (decision IN ('load', 'done', 'rejected', 'failed', 'exhausted', 'remaining'));
