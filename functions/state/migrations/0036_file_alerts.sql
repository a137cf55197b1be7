-- Alerts about files: FILES, and what is open of it.

ALTER TABLE alert DROP CONSTRAINT alert_kind_check;
ALTER TABLE alert ADD CONSTRAINT alert_kind_check CHECK (kind IN ('ERROR', 'LATE', 'COMPLETED', 'STARTED', 'SKIPPED', 'OUTDATED', 'FILES'));

-- How many rejected files the last message of a conversation spoke of.
ALTER TABLE alert_conversation ADD COLUMN files integer NOT NULL DEFAULT 0;
ALTER TABLE alert_delivery ADD COLUMN files integer;

-- Files of a set were rejected as they landed, and it has not arrived since. Files without a date: those of a day.
CREATE TABLE landing_notice (
    notice_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    product_id text NOT NULL,
    business_date date NOT NULL,        -- of files without a date: the day on which they came
    cycle text NOT NULL,
    undated boolean NOT NULL,
    members bigint[] NOT NULL,          -- the files
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (product_id, business_date, cycle, undated)
);

-- Who is notified of files of no source.
CREATE TABLE landing_bucket (
    bucket_id text PRIMARY KEY,         -- its domain and key, `raw/landing#bucket`
    bucket text NOT NULL,               -- its real name
    entry jsonb NOT NULL,               -- owner, email, notify and alerts, as the catalog has them
    digest_from timestamptz,            -- the last digest is of the files that came from then
    digest_until timestamptz            -- until then; the next one begins there
);
CREATE INDEX landing_bucket_name ON landing_bucket (bucket);

-- What the files of a batch ended with.
CREATE INDEX landing_file_error_of_batch ON landing_file_error (batch_id);
