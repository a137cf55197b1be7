-- What is open: the conditions of the partial indexes over open rows, word for word. A statement that goes through all that is open states them;
-- one that goes by a key does not, so no statistics make the planner read all that is open for it (decision 22).

CREATE OR REPLACE FUNCTION is_open(r data_product_status) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN r.status IN ('WAITING', 'PROCESSING') THEN true ELSE false END
$$;

CREATE OR REPLACE FUNCTION is_followed(r data_product_status) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- Arrivals still concern the run, though it has used its inputs or has ended: see `takes_arrivals`.
    SELECT CASE WHEN r.resume_until IS NULL AND r.outdated_at IS NULL THEN false ELSE true END
$$;

CREATE OR REPLACE FUNCTION may_become_late(r data_product_status) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN r.late_notified OR r.due_at IS NULL OR r.status IN ('COMPLETED', 'SKIPPED', 'CANCELLED') THEN false ELSE true END
$$;

CREATE OR REPLACE FUNCTION is_open(d data_product_dependencies_events_status) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN d.status = 'WAITING' THEN true ELSE false END
$$;

CREATE OR REPLACE FUNCTION is_open(j job_run) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN j.state = 'STARTED' THEN true ELSE false END
$$;

CREATE OR REPLACE FUNCTION definition_type() RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- The type of the step that runs the states of a definition in the machine itself: it ends with its machine, and nobody knows what they have started.
    SELECT 'definition'
$$;

CREATE OR REPLACE FUNCTION cluster_type() RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- The step type of clusters.
    SELECT 'emr_cluster'
$$;

CREATE OR REPLACE FUNCTION is_cluster(j job_run) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- Whether it is no work but what steps run on. Nothing waits for its end: another attempt has a cluster of its own.
    SELECT j.type = cluster_type()
$$;

CREATE OR REPLACE FUNCTION is_shared(j job_run) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- Whether it is a cluster that several products use.
    SELECT coalesce((j.handle ->> 'shared')::boolean, false)
$$;

CREATE OR REPLACE FUNCTION is_open(f effect) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN f.done_at IS NULL AND f.parked_at IS NULL THEN true ELSE false END
$$;

CREATE OR REPLACE FUNCTION is_parked(f effect) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN f.done_at IS NULL AND f.parked_at IS NOT NULL THEN true ELSE false END
$$;

CREATE OR REPLACE FUNCTION was_notified(a alert) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN a.notified_at IS NULL THEN false ELSE true END
$$;

CREATE OR REPLACE FUNCTION files_input(product text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- The name by which a product waits for its own files. No product can be called so, and no event from outside can name it.
    SELECT product || '#files'
$$;

CREATE OR REPLACE FUNCTION sweeps(product text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT (s.source ->> 'sweep')::boolean FROM landing_source s WHERE s.product_id = product), false)
$$;

CREATE OR REPLACE FUNCTION waits_for_sweep(f landing_file) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- A file that has no date and no source is UNMATCHED. Those of a product are found by the index of sets.
    SELECT f.business_date IS NULL AND f.counts AND f.status = 'RECEIVED'
$$;

CREATE OR REPLACE FUNCTION cycle_of_files(source jsonb, of_cycle text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- The cycle that the files of a run have: that of the run if their names have one, or if the run has swept them; of all runs of a date none.
    SELECT CASE WHEN source -> 'cycle' = 'null' AND NOT (source ->> 'sweep')::boolean THEN '' ELSE of_cycle END
$$;

CREATE OR REPLACE FUNCTION files_of_run(r data_product_status) RETURNS SETOF landing_file
LANGUAGE sql STABLE AS $$
-- The versions that count of the data files of the run's date.
    SELECT f.* FROM landing_file f
    WHERE f.product_id = r.product_id AND f.business_date = r.business_date AND f.kind = 'data' AND f.counts
        AND f.cycle = cycle_of_files((SELECT s.source FROM landing_source s WHERE s.product_id = r.product_id), r.cycle)
$$;

CREATE OR REPLACE FUNCTION product_of_files(input text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- The product whose files an input stands for; null if it stands for none.
    SELECT CASE WHEN input LIKE '%#files' THEN left(input, -6) END
$$;

-- Rows by their key. OFFSET 0 keeps the planner from joining them in another order than the statement says: first the keys, then their rows.

CREATE OR REPLACE FUNCTION run_of(run uuid) RETURNS SETOF data_product_status
LANGUAGE sql STABLE AS $$
    SELECT * FROM data_product_status r WHERE r.run_id = run OFFSET 0
$$;

CREATE OR REPLACE FUNCTION runs_of_date(product text, on_date date) RETURNS SETOF data_product_status
LANGUAGE sql STABLE AS $$
    SELECT * FROM data_product_status r WHERE r.product_id = product AND r.business_date = on_date OFFSET 0
$$;

CREATE OR REPLACE FUNCTION inputs_of_run(run uuid) RETURNS SETOF data_product_dependencies_events_status
LANGUAGE sql STABLE AS $$
    SELECT * FROM data_product_dependencies_events_status d WHERE d.run_id = run OFFSET 0
$$;

CREATE OR REPLACE FUNCTION runs_open_of(product text) RETURNS SETOF data_product_status
LANGUAGE sql STABLE AS $$
    SELECT * FROM data_product_status r WHERE r.product_id = product AND is_open(r) OFFSET 0
$$;

CREATE OR REPLACE FUNCTION waiting_runs_of(product text) RETURNS SETOF data_product_status
LANGUAGE sql STABLE AS $$
    SELECT * FROM runs_open_of(product) r WHERE r.status = 'WAITING'
$$;

CREATE OR REPLACE FUNCTION may_resume(r data_product_status, now_is timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- Whether the next attempt starts when the condition holds: it ended because inputs were missing, not too long ago, or it has used an input that
-- is made again.
    SELECT coalesce(r.status IN ('ERROR', 'SKIPPED') AND r.resume_until >= now_is OR r.status = 'COMPLETED' AND r.runs_again, false)
$$;

CREATE OR REPLACE FUNCTION takes_arrivals(r data_product_status, now_is timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT r.status = 'WAITING' OR may_resume(r, now_is) OR (r.outdated_at IS NOT NULL AND r.status IN ('PROCESSING', 'COMPLETED'))
$$;

CREATE OR REPLACE FUNCTION runs_followed_of(product text, now_is timestamptz) RETURNS SETOF data_product_status
LANGUAGE sql STABLE AS $$
    SELECT * FROM data_product_status r
    WHERE r.product_id = product AND is_followed(r) AND (r.resume_until >= now_is OR r.outdated_at IS NOT NULL) OFFSET 0
$$;

CREATE OR REPLACE FUNCTION awaiting(product text, on_date date, now_is timestamptz) RETURNS SETOF data_product_dependencies_events_status
LANGUAGE sql STABLE AS $$
-- The inputs not yet arrived that a refresh of the product for that date concerns: those of the date, and those that take the latest refresh. Of
-- the latter those of runs that have ended stay for ever, so they are found by the runs of the products that have one.
    SELECT d.* FROM (
        SELECT * FROM data_product_dependencies_events_status d
        WHERE d.upstream = product AND d.required_date = on_date AND is_open(d) OFFSET 0) d
    UNION ALL
    SELECT d.* FROM (SELECT DISTINCT c.product_id FROM data_product_dependencies c WHERE c.upstream = product AND c.max_age_seconds IS NOT NULL) c
    CROSS JOIN LATERAL (
        SELECT r.run_id FROM waiting_runs_of(c.product_id) r
        UNION
        SELECT r.run_id FROM runs_followed_of(c.product_id, now_is) r) r
    CROSS JOIN LATERAL inputs_of_run(r.run_id) d
    WHERE d.upstream = product AND d.required_date IS NULL AND d.status = 'WAITING'
$$;

CREATE OR REPLACE FUNCTION runs_with(arrived text[]) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
-- The runs for which one of these events has arrived.
    SELECT ARRAY(SELECT DISTINCT d.run_id FROM data_product_dependencies_events_status d WHERE d.event_key = ANY (arrived))
$$;
