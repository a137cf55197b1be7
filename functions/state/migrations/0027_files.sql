-- Files that land in buckets: sources, the audit of files, and the sets of files that start products.

CREATE TABLE landing_source (
    product_id text PRIMARY KEY REFERENCES data_product,
    bucket text NOT NULL,               -- its real name
    prefix text NOT NULL,
    source jsonb NOT NULL,              -- `files` of the product, as the catalog has it
    digest text NOT NULL,
    changed_at timestamptz NOT NULL,
    listed_at timestamptz NOT NULL      -- since when its prefix has not been listed
);
CREATE INDEX landing_source_bucket ON landing_source (bucket);

CREATE TABLE landing_file (
    file_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id text,                    -- null: of no source
    kind text NOT NULL CHECK (kind IN ('data', 'marker', 'manifest')),
    bucket text NOT NULL,
    key text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,  -- what tells the versions of an object apart: see `version_of`
    version_id text,                    -- null: the bucket is not versioned
    sequencer text COLLATE "C",         -- of 32 digits; null: found by listing
    etag text,
    size bigint NOT NULL,
    event_at timestamptz NOT NULL,      -- when it was put
    received_at timestamptz NOT NULL,
    matched_at timestamptz NOT NULL,    -- when its source was last looked for
    how text NOT NULL CHECK (how IN ('event', 'listed', 'manual')),
    business_date date,                 -- null: unknown
    cycle text NOT NULL DEFAULT '',
    facets jsonb NOT NULL,
    slot text,                          -- the place in its set that it takes; null where the set has none
    expected jsonb,                     -- of a manifest: the files [{name, size, md5}] that it names
    counts boolean NOT NULL,            -- it is the version of its object that counts for its set
    status text NOT NULL CHECK (status IN ('RECEIVED', 'CLAIMED', 'PROCESSED', 'REJECTED', 'FAILED', 'SUPERSEDED', 'IGNORED', 'UNMATCHED')),
    reason text,
    batch_id bigint,
    tries integer NOT NULL DEFAULT 0,
    rows_read bigint,
    rows_written bigint,
    rows_rejected bigint,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    UNIQUE (bucket, key, version),
    CHECK (status <> 'UNMATCHED' OR product_id IS NULL)
) WITH (fillfactor = 50);
-- No index has a column that changes while files are loaded, and a page has room for a second version of each row: such an update touches no index.
CREATE INDEX landing_file_of_set ON landing_file (product_id, business_date, cycle, kind, slot) WHERE counts;
CREATE INDEX landing_file_of_product ON landing_file (product_id, file_id);
CREATE INDEX landing_file_unmatched ON landing_file (received_at, file_id) WHERE product_id IS NULL;

-- What a file was before each change of its status. What it is now is in its row.
CREATE TABLE landing_file_history (
    file_id bigint NOT NULL,            -- without a reference, which would be checked row by row
    history_id bigint GENERATED ALWAYS AS IDENTITY,
    status text NOT NULL,
    reason text,
    batch_id bigint,
    changed_at timestamptz NOT NULL,    -- since when it was that
    changed_by text NOT NULL,
    PRIMARY KEY (file_id, history_id)
);

CREATE TABLE landing_set (
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    generation integer NOT NULL DEFAULT 0,   -- how many times it has arrived; more than once: it was corrected
    altered boolean NOT NULL,           -- files have come since it arrived
    due_at timestamptz,                 -- it is complete, and arrives then if nothing else comes
    first_at timestamptz NOT NULL,
    arrived_at timestamptz,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (product_id, business_date, cycle)
);
CREATE INDEX landing_set_date ON landing_set (business_date);
CREATE INDEX landing_set_due ON landing_set (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE landing_batch (
    batch_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL REFERENCES data_product_status ON DELETE CASCADE,
    attempt integer NOT NULL,
    step text NOT NULL,
    wave integer NOT NULL,
    number integer NOT NULL,
    members bigint[] NOT NULL,          -- its files, in the order of the manifest
    files integer NOT NULL GENERATED ALWAYS AS (cardinality(members)) STORED,
    bytes bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('PLANNED', 'RECORDED', 'FAILED')),
    job_run_id text,
    planned_at timestamptz NOT NULL,
    ended_at timestamptz,
    UNIQUE (run_id, attempt, step, wave, number)
);

CREATE TABLE landing_file_check (
    file_id bigint NOT NULL REFERENCES landing_file ON DELETE CASCADE,
    batch_id bigint,
    rule text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('reject', 'warn')),
    passed boolean NOT NULL,
    value text
);
CREATE INDEX landing_file_check_of ON landing_file_check (file_id);

CREATE TABLE landing_file_error (
    error_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_id bigint NOT NULL REFERENCES landing_file ON DELETE CASCADE,
    batch_id bigint,
    at timestamptz NOT NULL,
    error text NOT NULL,
    cause text
);
CREATE INDEX landing_file_error_of ON landing_file_error (file_id);

CREATE FUNCTION keep_file_history() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
-- The tables of a trigger have no statistics: with nested loops each of 40,000 rows is compared with each.
BEGIN
    INSERT INTO landing_file_history (file_id, status, reason, batch_id, changed_at, changed_by)
    SELECT b.file_id, b.status, b.reason, b.batch_id, b.changed_at, b.changed_by
    FROM before b JOIN changed c USING (file_id) WHERE (b.status, b.reason) IS DISTINCT FROM (c.status, c.reason);
    RETURN NULL;
END $$;

CREATE TRIGGER file_updated AFTER UPDATE ON landing_file
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_file_history();

-- Which runs of a product go on with everything downstream once what made them outdated has arrived: files were corrected.
ALTER TABLE data_product_status ADD COLUMN cascades boolean NOT NULL DEFAULT false;
