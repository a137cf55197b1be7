-- Backfills of files that lay in a bucket before their source existed: the prefix is listed first.

CREATE TABLE backfill_listing (
    backfill_id integer PRIMARY KEY REFERENCES backfill ON DELETE CASCADE,
    prefix text NOT NULL,
    counts_only boolean NOT NULL,       -- it only says what it would take
    key text,                           -- the last object that was looked at, and its version
    version_id text,
    objects bigint NOT NULL DEFAULT 0,
    others bigint NOT NULL DEFAULT 0,   -- of another product, or of none
    undated bigint NOT NULL DEFAULT 0,  -- without a business date
    outside bigint NOT NULL DEFAULT 0,  -- of dates that were not asked for
    listed_at timestamptz               -- all has been looked at
);
CREATE INDEX backfill_listing_open ON backfill_listing (backfill_id) WHERE listed_at IS NULL;

CREATE TABLE backfill_files (
    backfill_id integer NOT NULL REFERENCES backfill ON DELETE CASCADE,
    business_date date NOT NULL,
    cycle text NOT NULL,
    fate text NOT NULL CHECK (fate IN ('taken', 'rejected', 'completed', 'archived')),
    files bigint NOT NULL,
    known bigint NOT NULL,              -- of these, recorded before
    bytes bigint NOT NULL,
    PRIMARY KEY (backfill_id, business_date, cycle, fate)
);
