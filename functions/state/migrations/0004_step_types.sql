-- Work of every step type, not of Glue alone.

ALTER TABLE job_run
    ADD COLUMN type text NOT NULL DEFAULT 'glue',
    ADD COLUMN handle jsonb NOT NULL DEFAULT '{}',  -- what the service needs besides the id to find the job run again
    ADD COLUMN error text,                          -- the name of the error that it ended with, where its machine reported one
    ADD COLUMN stop_asked_at timestamptz,           -- since when it should be stopped
    ADD COLUMN expires_at timestamptz               -- when it has certainly ended; null: its service can be asked
;

-- An argument may be any JSON value.

ALTER TABLE data_pipeline_parameters ALTER COLUMN value TYPE jsonb USING to_jsonb(value);

DROP FUNCTION IF EXISTS restart_lost(uuid, integer, text, text, integer, timestamptz);
