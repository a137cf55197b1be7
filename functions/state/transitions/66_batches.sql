-- Batches of files: planned and claimed for a run, recorded by what its job said of each file, and given back.

CREATE OR REPLACE FUNCTION most_batches() RETURNS integer LANGUAGE sql IMMUTABLE AS $$
-- Of a wave: what is planned is an input of the machine, which has at most 256 KiB.
    SELECT 200
$$;

CREATE OR REPLACE FUNCTION most_waves() RETURNS integer LANGUAGE sql IMMUTABLE AS $$
-- Of a step in one attempt: a batch of 1,000 is halved to one file in ten waves, and that is tried ten times at most. Waves of files that are new do not count.
    SELECT 25
$$;

CREATE OR REPLACE FUNCTION batches_of(r data_product_status, of_step text) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- How the step loads files, as metadata has it.
    SELECT c.settings -> 'batches' FROM data_pipeline_config c WHERE c.product_id = r.product_id AND c.step = of_step
$$;

CREATE OR REPLACE FUNCTION bytes_of(size text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT left(size, -2)::bigint * CASE right(size, 2) WHEN 'GB' THEN 1000000000 ELSE 1000000 END
$$;

CREATE OR REPLACE FUNCTION share_of(allowed text, all_files bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
-- How many of the files that is: a number, or a part such as 1%.
    SELECT CASE WHEN allowed IS NULL THEN 0 WHEN allowed LIKE '%\%' THEN floor(rtrim(allowed, '%')::numeric / 100 * all_files)::bigint ELSE allowed::bigint END
$$;

CREATE OR REPLACE FUNCTION end_batches(batches bigint[], of_error text, of_cause text, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- The (claimed) files of these batches are free again. Where a file was alone in its batch this was one of its tries, and after the last one it has FAILED.
    WITH given_back AS (
        UPDATE landing_file f SET tries = f.tries + (b.files = 1)::integer, changed_at = now_is, changed_by = 'files',
            status = CASE WHEN b.files = 1 AND f.tries + 1 >= (batches_of(r, b.step) ->> 'tries')::integer THEN 'FAILED'
                WHEN f.counts THEN 'RECEIVED' ELSE 'SUPERSEDED' END,
            reason = left(concat_ws(': ', of_error, of_cause), 1000)
        FROM landing_batch b JOIN data_product_status r USING (run_id)
        WHERE b.batch_id = ANY (batches) AND f.file_id = ANY (b.members) AND f.batch_id = b.batch_id AND f.status = 'CLAIMED'
        RETURNING f.file_id, f.batch_id, f.status
    ), kept AS (
        INSERT INTO landing_file_error (file_id, batch_id, at, error, cause)
        SELECT file_id, batch_id, now_is, of_error, left(of_cause, 1000) FROM given_back WHERE status = 'FAILED'
    )
    UPDATE landing_batch SET status = 'FAILED', ended_at = now_is WHERE batch_id = ANY (batches) AND status = 'PLANNED'
$$;

CREATE OR REPLACE FUNCTION free_batches(r data_product_status, of_step text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- What batches of the run hold that nobody will record any more: those of earlier attempts, and of children that broke. Work that they began is asked to
-- stop. Files of a batch that was never launched are as they were.
DECLARE
    open bigint[] := ARRAY(SELECT b.batch_id FROM landing_batch b WHERE b.run_id = r.run_id AND b.step = of_step AND b.status = 'PLANNED');
    launched bigint[] := ARRAY(SELECT (j.handle ->> 'batch')::bigint FROM job_run j WHERE j.run_id = r.run_id AND (j.handle ->> 'batch')::bigint = ANY (open));
BEGIN
    UPDATE job_run j SET stop_asked_at = coalesce(j.stop_asked_at, now_is), changed_at = now_is
    WHERE j.run_id = r.run_id AND j.state = 'STARTED' AND (j.handle ->> 'batch')::bigint = ANY (launched);
    PERFORM end_batches(launched, 'BatchNotRecorded', 'the execution of the batch ended before it was recorded', now_is);
    UPDATE landing_file f SET status = CASE WHEN counts THEN 'RECEIVED' ELSE 'SUPERSEDED' END, batch_id = NULL, changed_at = now_is, changed_by = 'files'
    FROM landing_batch b
    WHERE b.batch_id = ANY (open) AND f.file_id = ANY (b.members) AND f.batch_id = b.batch_id AND f.status = 'CLAIMED';
    UPDATE landing_batch SET status = 'FAILED', ended_at = now_is WHERE batch_id = ANY (open) AND status = 'PLANNED';
END $$;

CREATE OR REPLACE FUNCTION try_again(r data_product_status, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- A later attempt, or a retry of the whole step, tries anew what was not loaded: the rules or the job may have changed.
    UPDATE landing_file l SET status = 'RECEIVED', tries = 0, batch_id = NULL, changed_at = now_is, changed_by = 'files'
    FROM files_of_run(r) f WHERE l.file_id = f.file_id AND (f.status = 'FAILED' OR f.status = 'REJECTED' AND f.batch_id IS NOT NULL)
$$;

CREATE OR REPLACE FUNCTION claim_batches(r data_product_status, of_step text, of_wave integer, now_is timestamptz) RETURNS integer
LANGUAGE sql SET work_mem = '32MB' AS $$
-- Claims what is free, oldest first, in batches that close at the most files or bytes. What a batch gave back comes in batches of half its size. Gives
-- how many batches there are.
    WITH settings AS (
        SELECT (s ->> 'max_files')::integer AS files, bytes_of(s ->> 'max_bytes') AS bytes FROM batches_of(r, of_step) s
    ), free AS (
        SELECT f.file_id, f.size, s.bytes, least(s.files, CASE WHEN b.status = 'FAILED' THEN greatest(b.files / 2, 1) ELSE s.files END) AS most
        FROM settings s CROSS JOIN files_of_run(r) f LEFT JOIN landing_batch b ON b.batch_id = f.batch_id
        WHERE f.status = 'RECEIVED'
    ), counted AS (
        SELECT *, row_number() OVER (PARTITION BY most ORDER BY file_id) AS n, sum(size) OVER (PARTITION BY most ORDER BY file_id) AS total FROM free
    ), placed AS (
        SELECT file_id, size, dense_rank() OVER (ORDER BY most DESC, (n - 1) / most + (total - size)::bigint / bytes) AS number FROM counted
    ), made AS (
        INSERT INTO landing_batch (run_id, attempt, step, wave, number, members, bytes, status, planned_at)
        SELECT r.run_id, r.attempt, of_step, of_wave, number, array_agg(file_id ORDER BY file_id), sum(size), 'PLANNED', now_is
        FROM placed WHERE number <= most_batches() GROUP BY number
        RETURNING batch_id, number
    ), claimed AS (
        -- by its number, and not by a join: nothing is known of the size of either side, and each file would be compared with each batch
        UPDATE landing_file l SET status = 'CLAIMED', batch_id = (SELECT array_agg(batch_id ORDER BY number) FROM made)[p.number],
            changed_at = now_is, changed_by = 'files'
        FROM placed p WHERE l.file_id = p.file_id AND l.status = 'RECEIVED' AND p.number <= most_batches()
        RETURNING 1
    )
    SELECT count(*)::integer FROM made CROSS JOIN (SELECT count(*) FROM claimed) all_of_them
$$;

CREATE OR REPLACE FUNCTION left_out(r data_product_status, of_status text) RETURNS text
LANGUAGE sql STABLE AS $$
-- The first files with that status and why, for a message.
    SELECT string_agg(format('%s (%s)', regexp_replace(f.key, '^.*/', ''), coalesce(f.reason, 'no reason given')), '; ')
    FROM (SELECT * FROM files_of_run(r) f WHERE f.status = of_status ORDER BY f.file_id LIMIT 5) f
$$;

CREATE OR REPLACE FUNCTION judge_files(r data_product_status, of_step text, OUT decision text, OUT message text)
LANGUAGE plpgsql STABLE AS $$
-- Whether the step is done when nothing is left to load: by how many files may be left out.
DECLARE
    accept jsonb := coalesce(batches_of(r, of_step) -> 'accept', '{}');
    files record;
BEGIN
    SELECT count(*) AS landed, count(*) FILTER (WHERE status = 'REJECTED' AND batch_id IS NOT NULL) AS rejected, count(*) FILTER (WHERE status = 'FAILED') AS failed
    INTO files FROM files_of_run(r);
    IF files.failed > share_of(accept ->> 'failed', files.landed) THEN
        decision := 'failed';
        message := format('%s of %s files could not be loaded, and %s may be: %s', files.failed, files.landed, coalesce(accept ->> 'failed', '0'), left_out(r, 'FAILED'));
    ELSIF files.rejected > share_of(accept ->> 'rejected', files.landed) THEN
        decision := 'rejected';
        message := format('%s of %s files were rejected, and %s may be: %s', files.rejected, files.landed, coalesce(accept ->> 'rejected', '0'),
            left_out(r, 'REJECTED'));
    ELSE
        decision := 'done';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION plan_batches(
    run uuid, of_attempt integer, of_step text, entered text, now_is timestamptz, OUT decision text, OUT message text, OUT wave integer, OUT batches jsonb,
    OUT files jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- The next batches [{batch_id, number}] of a step that loads files: `decision` is load. Else nothing is left: done, or what ends the step with a message:
-- failed or rejected, if more files were left out than metadata accepts; exhausted, if files are given back again and again. `files`, when it is done, is
-- what the refresh event says of them. The same call again has the same answer.
DECLARE
    r data_product_status;
    last landing_wave;
BEGIN
    files := '{}';
    PERFORM lock_openings(true);
    PERFORM lock_sources(ARRAY(SELECT s.product_id FROM data_product_status s WHERE s.run_id = run));
    r := locked_run_in('PROCESSING', run, of_attempt, 'so nothing is loaded for it');
    SELECT * INTO last FROM landing_wave w WHERE w.run_id = run AND w.attempt = of_attempt AND w.step = of_step ORDER BY w.wave DESC LIMIT 1;
    IF last.entered_at IS DISTINCT FROM entered THEN
        PERFORM free_batches(r, of_step, now_is);
        IF last.wave IS NULL AND of_attempt > 1 OR last.decision IN ('failed', 'rejected', 'exhausted') THEN
            PERFORM try_again(r, now_is);
        END IF;
        wave := coalesce(last.wave, 0) + 1;
        IF (SELECT count(DISTINCT b.wave) FROM landing_batch b WHERE b.run_id = run AND b.attempt = of_attempt AND b.step = of_step AND b.status = 'FAILED')
            >= most_waves() THEN
            decision := 'exhausted';
            message := format('batches of %s waves have failed: %s', most_waves(), left_out(r, 'RECEIVED'));
        ELSIF claim_batches(r, of_step, wave, now_is) > 0 THEN
            decision := 'load';
        ELSE
            PERFORM take_settling_files(r, now_is);
            SELECT j.decision, j.message INTO decision, message FROM judge_files(r, of_step) j;
        END IF;
        INSERT INTO landing_wave (run_id, attempt, step, wave, entered_at, decision, message, files, planned_at)
        VALUES (run, of_attempt, of_step, wave, entered, decision, message, CASE WHEN decision <> 'load' THEN outcome_of_files(r) END, now_is)
        RETURNING * INTO last;
    END IF;
    decision := last.decision;
    message := last.message;
    wave := last.wave;
    SELECT coalesce(jsonb_agg(jsonb_build_object('batch_id', b.batch_id, 'number', b.number) ORDER BY b.number), '[]') INTO batches
    FROM landing_batch b WHERE b.run_id = run AND b.attempt = of_attempt AND b.step = of_step AND b.wave = last.wave;
    IF decision = 'done' THEN
        files := loaded_files(r);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION batch_header(of_batch integer) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What is common to the files of a batch, as its manifest says it; null if there is none.
    SELECT jsonb_build_object('product', r.product_id, 'business_date', r.business_date, 'run_id', b.run_id, 'attempt', b.attempt, 'batch_id', b.batch_id,
        'load', coalesce(s.source ->> 'load', 'full'), 'columns', g -> 'columns', 'checks', coalesce(g -> 'checks', '{}'),
        'quarantine', g -> 'quarantine')
    FROM landing_batch b JOIN data_product_status r USING (run_id) LEFT JOIN landing_source s USING (product_id)
    CROSS JOIN LATERAL batches_of(r, b.step) g
    WHERE b.batch_id = of_batch
$$;

CREATE OR REPLACE FUNCTION batch_files(of_batch integer, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The files of a batch, as the lines of its manifest: at most `page` of those after `after`. `replaces` are the older versions that have been loaded.
    SELECT p.* FROM (
        SELECT jsonb_agg(jsonb_build_object('key', lpad(f.place::text, 19, '0'), 'file', jsonb_build_object('file_id', f.file_id, 'bucket', f.bucket,
            'key', f.key, 'version_id', f.version_id, 'etag', f.etag, 'size', f.size, 'facets', f.facets, 'replaces', coalesce((
                SELECT jsonb_agg(o.file_id ORDER BY o.file_id) FROM landing_file o
                WHERE o.bucket = f.bucket AND o.key = f.key AND o.file_id <> f.file_id AND o.product_id = f.product_id AND was_loaded(o)), '[]')))
            ORDER BY f.place) AS entries
        FROM (SELECT l.*, m.place FROM landing_batch b CROSS JOIN LATERAL unnest(b.members) WITH ORDINALITY AS m(file_id, place)
            CROSS JOIN LATERAL (SELECT * FROM landing_file one WHERE one.file_id = m.file_id OFFSET 0) l
            WHERE b.batch_id = of_batch AND l.batch_id = b.batch_id AND l.status = 'CLAIMED' AND m.place > coalesce(nullif(after, ''), '0')::integer
            ORDER BY m.place LIMIT page) f) found
    CROSS JOIN LATERAL page_of(found.entries) p
$$;

CREATE OR REPLACE FUNCTION failed_rules(checks jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- The rules of severity reject that a file failed, for a message.
    SELECT string_agg(c ->> 'rule', '; ') FROM jsonb_array_elements(checks) c WHERE c -> 'passed' = 'false' AND c ->> 'severity' <> 'warn'
$$;

CREATE OR REPLACE FUNCTION record_batch(of_batch integer, of_job_run text, results jsonb, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records what the job said of the files of a batch: [{file_id, outcome, rows_read, rows_written, rows_rejected, checks, message, retry}], of each file the
-- last. A file that it says nothing of has failed; what it says of others counts for nothing. Gives how many files have each status.
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
            SELECT DISTINCT ON (f.file_id) f.file_id, coalesce(g.line ->> 'outcome', 'FAILED') AS outcome, (g.line ->> 'rows_read')::bigint AS rows_read,
                (g.line ->> 'rows_written')::bigint AS rows_written, (g.line ->> 'rows_rejected')::bigint AS rows_rejected,
                coalesce(g.line -> 'checks', '[]') AS checks, coalesce((g.line ->> 'retry')::boolean, true) AS retry,
                CASE WHEN g.line IS NULL THEN 'the job said nothing of it' ELSE g.line ->> 'message' END AS message
            FROM landing_file f LEFT JOIN jsonb_array_elements(results) WITH ORDINALITY AS g(line, place) ON (g.line ->> 'file_id')::bigint = f.file_id
            WHERE f.file_id = ANY (b.members) AND f.batch_id = of_batch AND f.status = 'CLAIMED'
            ORDER BY f.file_id, g.place DESC
        ), checked AS (
            INSERT INTO landing_file_check (file_id, batch_id, rule, severity, passed, value)
            SELECT s.file_id, of_batch, left(c.each ->> 'rule', 2000), CASE c.each ->> 'severity' WHEN 'warn' THEN 'warn' ELSE 'reject' END, false,
                left(c.each ->> 'value', 200)
            FROM said s CROSS JOIN LATERAL (SELECT e.each FROM jsonb_array_elements(s.checks) WITH ORDINALITY AS e(each, place)
                WHERE e.each -> 'passed' = 'false' ORDER BY place LIMIT 50) c
        ), failed AS (
            INSERT INTO landing_file_error (file_id, batch_id, at, error, cause)
            SELECT s.file_id, of_batch, now_is, CASE s.outcome WHEN 'REJECTED' THEN 'FileRejected' ELSE 'FileFailed' END, left(s.message, 1000)
            FROM said s WHERE s.outcome <> 'PROCESSED'
        )
        UPDATE landing_file f SET rows_read = s.rows_read, rows_written = s.rows_written, rows_rejected = s.rows_rejected,
            tries = f.tries + (s.outcome = 'FAILED')::integer, reason = left(coalesce(s.message, failed_rules(s.checks)), 1000), changed_at = now_is,
            changed_by = 'files',
            status = CASE WHEN s.outcome IN ('PROCESSED', 'REJECTED') THEN s.outcome
                WHEN NOT s.retry OR f.tries + 1 >= (batches_of(r, b.step) ->> 'tries')::integer THEN 'FAILED'
                WHEN f.counts THEN 'RECEIVED' ELSE 'SUPERSEDED' END
        FROM said s WHERE s.file_id = f.file_id;
        UPDATE landing_batch SET status = 'RECORDED', job_run_id = of_job_run, ended_at = now_is WHERE batch_id = of_batch;
    END IF;
    RETURN (SELECT coalesce(jsonb_object_agg(status, count), '{}') FROM (
        SELECT f.status, count(*) FROM landing_file f WHERE f.file_id = ANY (b.members) AND f.batch_id = of_batch GROUP BY f.status) s);
END $$;

CREATE OR REPLACE FUNCTION fail_batch(of_batch integer, of_error text, of_cause text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- The job run of a batch failed, or was never launched: its files are free again.
DECLARE
    product text := (SELECT s.product_id FROM landing_batch l JOIN data_product_status s USING (run_id) WHERE l.batch_id = of_batch);
BEGIN
    PERFORM lock_openings(true);
    PERFORM lock_sources(ARRAY[product]);
    PERFORM FROM landing_batch l WHERE l.batch_id = of_batch FOR UPDATE;
    PERFORM end_batches(ARRAY[of_batch], of_error, of_cause, now_is);
END $$;
