-- What has ended is kept for a stated time, and found by the moment at which it ended.

CREATE INDEX data_product_status_finished ON data_product_status (finished_at);
CREATE INDEX refresh_event_received ON refresh_event (received_at);
CREATE INDEX effect_done ON effect (done_at) WHERE CASE WHEN done_at IS NULL THEN false ELSE true END;
CREATE INDEX alert_notified ON alert (notified_at);
CREATE INDEX job_run_of_nobody ON job_run (changed_at) WHERE CASE WHEN run_id IS NULL THEN true ELSE false END;

-- Ends of jobs that no pipeline names are not kept.
CREATE INDEX data_pipeline_config_of_resource ON data_pipeline_config (resource, type);

-- When it was staged; null: by the release before.
ALTER TABLE catalog_stage ADD COLUMN staged_at timestamptz;

-- Runs, and refresh events, of one business date that are written to one object of the archive and then deleted here.

CREATE TABLE archive_page (
    page_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('runs', 'refresh_events')),
    business_date date NOT NULL,
    before timestamptz NOT NULL,        -- what ended before this moment is in the page
    keys text[] NOT NULL,               -- of what it holds; empty once that is deleted here
    products text[] NOT NULL,           -- whose they are
    entries integer NOT NULL,
    claimed_until timestamptz,
    location text,                      -- of the object
    archived_at timestamptz             -- null: begun
);
CREATE INDEX archive_page_of_date ON archive_page (business_date);
CREATE INDEX archive_page_begun ON archive_page (page_id) WHERE CASE WHEN archived_at IS NULL THEN true ELSE false END;
CREATE INDEX archive_page_archived ON archive_page (archived_at);

-- One row: what the last retention did.

CREATE TABLE retention (
    last boolean PRIMARY KEY DEFAULT true CHECK (last),
    ran_at timestamptz NOT NULL,
    report jsonb NOT NULL
);
