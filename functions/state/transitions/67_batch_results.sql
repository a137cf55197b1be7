-- What a batch is for its job: the manifest with its files, and what the job said of each.

CREATE OR REPLACE FUNCTION batch_header(of_batch integer) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What is common to the files of a batch, as its manifest says it; null if there is none.
    SELECT jsonb_build_object('product', r.product_id, 'business_date', r.business_date, 'run_id', b.run_id, 'attempt', b.attempt, 'batch_id', b.batch_id,
        'load', coalesce(s.source ->> 'load', 'full'), 'columns', g -> 'columns', 'checks', coalesce(g -> 'checks', '{}'),
        'quarantine', g -> 'quarantine', 'order', g -> 'order',
        'together', g -> 'together')
    FROM landing_batch b JOIN data_product_status r USING (run_id) LEFT JOIN landing_source s USING (product_id)
    CROSS JOIN LATERAL batches_of(r, b.step) g
    WHERE b.batch_id = of_batch
$$;

CREATE OR REPLACE FUNCTION batch_files(of_batch integer, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The files of a batch, as the lines of its manifest: at most `page` of those after `after`. `replaces` are the older versions that have been loaded; with
-- `load: cdc` no version replaces another.
    SELECT p.* FROM (
        SELECT jsonb_agg(jsonb_build_object('key', lpad(f.place::text, 19, '0'), 'file', jsonb_build_object('file_id', f.file_id, 'bucket', f.bucket,
            'key', f.key, 'version_id', f.version_id, 'etag', f.etag, 'size', f.size, 'facets', f.facets, 'replaces', coalesce((
                SELECT jsonb_agg(o.file_id ORDER BY o.file_id) FROM landing_file o
                WHERE o.bucket = f.bucket AND o.key = f.key AND o.file_id <> f.file_id AND o.product_id = f.product_id AND was_loaded(o)
                    AND NOT is_cdc(f.product_id)), '[]')) || CASE WHEN f.late THEN jsonb_build_object('late', true) ELSE '{}' END)
            ORDER BY f.place) AS entries
        FROM (SELECT l.*, m.place, l.file_id = ANY (b.late) AS late FROM landing_batch b CROSS JOIN LATERAL unnest(b.members) WITH ORDINALITY AS m(file_id, place)
            CROSS JOIN LATERAL (SELECT * FROM landing_file one WHERE one.file_id = m.file_id OFFSET 0) l
            WHERE b.batch_id = of_batch AND l.batch_id = b.batch_id AND l.status = 'CLAIMED' AND m.place > coalesce(nullif(after, ''), '0')::integer
            ORDER BY m.place LIMIT page) f) found
    CROSS JOIN LATERAL page_of(found.entries) p
$$;

CREATE OR REPLACE FUNCTION failed_rules(checks jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- The rules of severity reject that a file failed, for a message.
    SELECT string_agg(c ->> 'rule', '; ') FROM jsonb_array_elements(checks) c WHERE c -> 'passed' = 'false' AND c ->> 'severity' <> 'warn'
$$;

CREATE OR REPLACE FUNCTION said_of_batch(b landing_batch, r data_product_status, results jsonb)
RETURNS TABLE (file_id bigint, line jsonb, outcome text, message text)
LANGUAGE sql STABLE AS $$
-- What the job said of each (claimed) file of the batch, of each the last line. One that it says nothing of has failed. With `load: cdc` a file behind one of its
-- lane that was not loaded may be SKIPPED, and is if the job says nothing of it.
    WITH claimed AS (
        SELECT f.file_id, lane_of(f.facets, g -> 'together') AS lane, m.place
        FROM batches_of(r, b.step) g CROSS JOIN unnest(b.members) WITH ORDINALITY AS m(file_id, place)
        CROSS JOIN LATERAL (SELECT * FROM landing_file one WHERE one.file_id = m.file_id OFFSET 0) f
        WHERE f.batch_id = b.batch_id AND f.status = 'CLAIMED'
    ), last AS (
        SELECT DISTINCT ON (c.file_id) c.*, g.line, g.line ->> 'outcome' AS outcome
        FROM claimed c LEFT JOIN jsonb_array_elements(results) WITH ORDINALITY AS g(line, number) ON (g.line ->> 'file_id')::bigint = c.file_id
        ORDER BY c.file_id, g.number DESC
    ), in_lanes AS (
        SELECT l.*, is_cdc(r.product_id) AND coalesce(bool_or(l.outcome IS DISTINCT FROM 'PROCESSED') OVER (PARTITION BY l.lane ORDER BY l.place
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AND coalesce(l.outcome, 'SKIPPED') = 'SKIPPED' AS skipped
        FROM last l
    )
    SELECT file_id, line, CASE WHEN skipped THEN 'SKIPPED' WHEN outcome IN ('PROCESSED', 'REJECTED') THEN outcome ELSE 'FAILED' END,
        CASE WHEN skipped THEN 'an earlier file of its lane was not loaded' WHEN line IS NULL THEN 'the job said nothing of it'
            WHEN outcome = 'SKIPPED' THEN 'the job skipped it, but no earlier file of its lane was left out' ELSE line ->> 'message' END
    FROM in_lanes
$$;

CREATE OR REPLACE FUNCTION record_batch(of_batch integer, of_job_run text, results jsonb, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records what the job said of the files of a batch: [{file_id, outcome, rows_read, rows_written, rows_rejected, checks, message, retry}], of each file the
-- last. A file that it says nothing of has failed; what it says of others counts for nothing. SKIPPED ones wait as before. Gives how many files have each status.
DECLARE
    b landing_batch;
    r data_product_status;
BEGIN
    SELECT s.* INTO r FROM landing_batch l JOIN data_product_status s USING (run_id) WHERE l.batch_id = of_batch;
    PERFORM lock_openings(true);
    PERFORM lock_sources(ARRAY[r.product_id]);
    SELECT * INTO b FROM landing_batch l WHERE l.batch_id = of_batch FOR UPDATE;
    IF b.status = 'PLANNED' THEN
        WITH said AS (
            SELECT * FROM said_of_batch(b, r, results)
        ), checked AS (
            INSERT INTO landing_file_check (file_id, batch_id, rule, severity, passed, value)
            SELECT s.file_id, of_batch, left(c.each ->> 'rule', 2000), CASE c.each ->> 'severity' WHEN 'warn' THEN 'warn' ELSE 'reject' END, false,
                left(c.each ->> 'value', 200)
            FROM said s CROSS JOIN LATERAL (SELECT e.each FROM jsonb_array_elements(coalesce(s.line -> 'checks', '[]')) WITH ORDINALITY AS e(each, place)
                WHERE e.each -> 'passed' = 'false' ORDER BY place LIMIT 50) c
        ), failed AS (
            INSERT INTO landing_file_error (file_id, batch_id, at, error, cause)
            SELECT s.file_id, of_batch, now_is, CASE s.outcome WHEN 'REJECTED' THEN 'FileRejected' ELSE 'FileFailed' END, left(s.message, 1000)
            FROM said s WHERE s.outcome NOT IN ('PROCESSED', 'SKIPPED')
        )
        UPDATE landing_file f SET rows_read = (s.line ->> 'rows_read')::bigint, rows_written = (s.line ->> 'rows_written')::bigint,
            rows_rejected = (s.line ->> 'rows_rejected')::bigint, tries = f.tries + (s.outcome = 'FAILED')::integer,
            retriable = (s.outcome = 'FAILED' AND s.line -> 'retry' = 'false') IS NOT TRUE,
            reason = left(coalesce(s.message, failed_rules(coalesce(s.line -> 'checks', '[]'))), 1000), changed_at = now_is, changed_by = 'files',
            counts = f.counts OR s.outcome = 'PROCESSED' AND sweeps(r.product_id),
            status = CASE WHEN s.outcome IN ('PROCESSED', 'REJECTED') THEN s.outcome
                WHEN s.outcome = 'FAILED' AND (s.line -> 'retry' = 'false' OR f.tries + 1 >= (batches_of(r, b.step) ->> 'tries')::integer) THEN 'FAILED'
                WHEN f.counts THEN 'RECEIVED' ELSE 'SUPERSEDED' END
        FROM said s WHERE s.file_id = f.file_id;
        UPDATE landing_batch SET status = 'RECORDED', job_run_id = of_job_run, ended_at = now_is WHERE batch_id = of_batch;
    END IF;
    RETURN (SELECT coalesce(jsonb_object_agg(status, count), '{}') FROM (
        SELECT f.status, count(*) FROM landing_file f WHERE f.file_id = ANY (b.members) AND f.batch_id = of_batch GROUP BY f.status) s);
END $$;

CREATE OR REPLACE FUNCTION fail_batch(of_batch integer, of_error text, of_cause text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- The job run of a batch failed, or was never launched: its files are free again. Of one that still runs the next plan frees them.
DECLARE
    product text := (SELECT s.product_id FROM landing_batch l JOIN data_product_status s USING (run_id) WHERE l.batch_id = of_batch);
BEGIN
    PERFORM lock_openings(true);
    PERFORM lock_sources(ARRAY[product]);
    PERFORM FROM landing_batch l WHERE l.batch_id = of_batch FOR UPDATE;
    IF NOT EXISTS (SELECT FROM data_product_status r JOIN landing_batch b USING (run_id), stop_batches(r, ARRAY[of_batch], now_is)
        WHERE b.batch_id = of_batch) THEN
        PERFORM end_batches(ARRAY[of_batch], of_error, of_cause, now_is);
    END IF;
END $$;
