-- The nine tables of the architecture, and what correctness adds: calendars, an inbox of refresh events, job runs, an
-- outbox of effects, and the log of loads. Times are timestamptz; durations are seconds.

CREATE TABLE data_product (
    product_id text PRIMARY KEY,
    domain text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    owner text NOT NULL,
    email text,
    machine text,                       -- null: external, refreshed elsewhere
    execution_prefix text,
    condition jsonb,                    -- the tree over the leaves of data_product_dependencies; null: waits for nothing
    deadline_seconds integer,
    on_deadline text CHECK (on_deadline IN ('fail', 'start', 'skip')),
    refresh_event boolean NOT NULL,
    visibility text NOT NULL CHECK (visibility IN ('mesh', 'domain')),
    complete_by time,
    notify jsonb NOT NULL DEFAULT '[]',
    digest text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    held boolean NOT NULL DEFAULT false,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);

CREATE TABLE calendar (
    calendar text PRIMARY KEY,
    weekend integer[] NOT NULL,
    dates date[] NOT NULL
);

CREATE TABLE data_product_schedule (
    product_id text PRIMARY KEY REFERENCES data_product,
    cron text NOT NULL,
    timezone text NOT NULL,
    date_offset integer NOT NULL,
    calendar text,
    times time[] NOT NULL,              -- of a day's openings, local
    months integer[] NOT NULL,
    month_days integer[] NOT NULL,
    week_days integer[] NOT NULL,       -- SUN = 1
    years integer[],                    -- null: every year
    last_days integer[] NOT NULL,       -- days before the last of the month
    near_weekdays integer[] NOT NULL,   -- the working day nearest to that day; 0: the last working day
    last_week_days integer[] NOT NULL,
    nth_week_days text[] NOT NULL,      -- '3#2': the second TUE
    opened_until timestamptz NOT NULL   -- openings up to here have been made
);

CREATE TABLE data_product_dependencies (
    product_id text NOT NULL REFERENCES data_product,
    leaf integer NOT NULL,
    upstream text NOT NULL,
    account text,
    statuses text[] NOT NULL,
    offset_days integer NOT NULL,
    max_age_seconds integer,
    cycle text NOT NULL,
    cycles text[] NOT NULL,             -- the refreshes that all have to arrive; {null}: any one does
    PRIMARY KEY (product_id, leaf)
);
CREATE INDEX data_product_dependencies_upstream ON data_product_dependencies (upstream);

CREATE TABLE data_pipeline_config (
    product_id text NOT NULL REFERENCES data_product,
    step text NOT NULL,
    position integer NOT NULL,
    type text NOT NULL,
    resource text NOT NULL,
    timeout_seconds integer NOT NULL,
    retry jsonb,
    settings jsonb NOT NULL,
    PRIMARY KEY (product_id, step)
);

CREATE TABLE data_pipeline_parameters (
    product_id text NOT NULL,
    step text NOT NULL,
    name text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (product_id, step, name),
    FOREIGN KEY (product_id, step) REFERENCES data_pipeline_config ON DELETE CASCADE
);

CREATE TABLE data_product_status (
    run_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    product_id text NOT NULL REFERENCES data_product,
    business_date date NOT NULL,
    cycle text NOT NULL DEFAULT '',
    attempt integer NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'WAITING' CHECK (status IN ('WAITING', 'PROCESSING', 'COMPLETED', 'ERROR', 'SKIPPED', 'CANCELLED')),
    opened_at timestamptz NOT NULL,
    deadline_at timestamptz NOT NULL,
    held boolean NOT NULL DEFAULT false,
    released_at timestamptz,
    release_reason text,
    started_at timestamptz,
    finished_at timestamptz,
    execution_arn text,
    task_token text,
    waiting_since timestamptz,
    error text,
    cause text,
    late_told boolean NOT NULL DEFAULT false,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    UNIQUE (product_id, business_date, cycle)
);
CREATE INDEX data_product_status_open ON data_product_status (status) WHERE status IN ('WAITING', 'PROCESSING');

CREATE TABLE data_product_dependencies_events_status (
    run_id uuid NOT NULL REFERENCES data_product_status,
    leaf integer NOT NULL,
    cycle text NOT NULL DEFAULT '*',    -- the refresh needed; '*' is any
    upstream text NOT NULL,
    account text,
    statuses text[] NOT NULL,
    required_date date,                 -- null: the latest refresh, not older than not_before
    not_before timestamptz,
    status text NOT NULL DEFAULT 'WAITING' CHECK (status IN ('WAITING', 'ARRIVED')),
    event_key text,
    arrived_at timestamptz,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, leaf, cycle)
);
CREATE INDEX dependencies_waiting_for ON data_product_dependencies_events_status (upstream, required_date) WHERE status = 'WAITING';

CREATE TABLE data_product_status_history (
    history_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL,
    product_id text NOT NULL,
    business_date date NOT NULL,
    cycle text NOT NULL,
    attempt integer NOT NULL,
    status text NOT NULL,
    released_at timestamptz,
    release_reason text,
    execution_arn text,
    error text,
    cause text,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);
CREATE INDEX data_product_status_history_run ON data_product_status_history (run_id);

CREATE TABLE data_product_dependencies_events_status_history (
    history_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL,
    leaf integer NOT NULL,
    cycle text NOT NULL,
    upstream text NOT NULL,
    status text NOT NULL,
    event_key text,
    changed_at timestamptz NOT NULL
);
CREATE INDEX dependencies_events_history_run ON data_product_dependencies_events_status_history (run_id);

CREATE TABLE refresh_event (
    event_key text PRIMARY KEY,
    product_id text NOT NULL,
    account text,
    business_date date NOT NULL,
    cycle text NOT NULL,
    status text NOT NULL CHECK (status IN ('COMPLETED', 'ERROR')),
    run_id text,
    attempt integer,
    refreshed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    metadata jsonb NOT NULL,
    superseded_at timestamptz           -- its run is being done again: it no longer counts
);
CREATE INDEX refresh_event_of ON refresh_event (product_id, business_date);
CREATE INDEX refresh_event_latest ON refresh_event (product_id, refreshed_at);

CREATE TABLE job_run (
    job_run_id text PRIMARY KEY,
    run_id uuid REFERENCES data_product_status,   -- null: the service reported the job before the machine did
    attempt integer,
    step text,
    job text NOT NULL,
    state text NOT NULL DEFAULT 'STARTED' CHECK (state IN ('STARTED', 'SUCCEEDED', 'FAILED', 'TIMEOUT', 'STOPPED')),
    message text,
    task_token text,
    started_at timestamptz,
    ended_at timestamptz,
    changed_at timestamptz NOT NULL
);
CREATE INDEX job_run_of ON job_run (run_id);
CREATE INDEX job_run_unfinished ON job_run (started_at) WHERE state = 'STARTED';

CREATE TABLE effect (
    effect_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    effect_key text NOT NULL UNIQUE,    -- storing the same effect twice stores it once
    kind text NOT NULL CHECK (kind IN ('start_execution', 'stop_execution', 'task_success', 'task_failure', 'put_event', 'alert')),
    run_id uuid,
    attempt integer,
    payload jsonb NOT NULL,
    due_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    claimed_until timestamptz,
    done_at timestamptz,
    outcome text
);
CREATE INDEX effect_due ON effect (due_at, effect_id) WHERE done_at IS NULL;
CREATE INDEX effect_of ON effect (run_id) WHERE done_at IS NULL;

CREATE TABLE catalog_load (
    load_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    commit text NOT NULL,
    committed_at timestamptz NOT NULL,
    loaded_at timestamptz NOT NULL,
    loaded_by text NOT NULL,
    inserted text[] NOT NULL,
    changed text[] NOT NULL,
    removed text[] NOT NULL,
    unchanged integer NOT NULL
);

CREATE TABLE catalog_stage (
    upload text NOT NULL,
    section text NOT NULL,
    key text NOT NULL,
    entry jsonb NOT NULL,
    PRIMARY KEY (upload, section, key)
);

-- History is written by the statement that changes the row, once for all rows it changes.

CREATE FUNCTION keep_status_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO data_product_status_history
        (run_id, product_id, business_date, cycle, attempt, status, released_at, release_reason, execution_arn, error, cause, changed_at, changed_by)
    SELECT run_id, product_id, business_date, cycle, attempt, status, released_at, release_reason, execution_arn, error, cause, changed_at, changed_by
    FROM changed;
    RETURN NULL;
END $$;

CREATE TRIGGER status_inserted AFTER INSERT ON data_product_status
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_status_history();

CREATE TRIGGER status_updated AFTER UPDATE ON data_product_status
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_status_history();

CREATE FUNCTION keep_dependency_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO data_product_dependencies_events_status_history (run_id, leaf, cycle, upstream, status, event_key, changed_at)
    SELECT run_id, leaf, cycle, upstream, status, event_key, changed_at FROM changed;
    RETURN NULL;
END $$;

CREATE TRIGGER dependencies_inserted AFTER INSERT ON data_product_dependencies_events_status
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_dependency_history();

CREATE TRIGGER dependencies_updated AFTER UPDATE ON data_product_dependencies_events_status
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_dependency_history();
