-- Clusters that several products share.

ALTER TABLE job_run
    ADD COLUMN ready_at timestamptz     -- of a cluster: since when steps can run on it
;

CREATE TABLE cluster_use (
    run_id uuid PRIMARY KEY REFERENCES data_product_status ON DELETE CASCADE,
    attempt integer NOT NULL,
    cluster text NOT NULL,              -- <domain>/<name>
    job_run_id text,                    -- the cluster that serves the run; null: it is being launched
    task_token text                     -- of the machine that waits until it is ready; null: it was answered
);
CREATE INDEX cluster_use_of ON cluster_use (cluster);
