-- Batches of files: planned and claimed for a run, recorded by what its job said of each file, and given back.

CREATE OR REPLACE FUNCTION most_batches() RETURNS integer LANGUAGE sql IMMUTABLE AS $$
-- Of a wave: what is planned is an input of the machine, which has at most 256 KiB.
    SELECT 200
$$;

CREATE OR REPLACE FUNCTION most_waves() RETURNS integer LANGUAGE sql IMMUTABLE AS $$
-- That fail one after the other, without a batch that is recorded: a batch of 1,000 is halved to one file in ten waves, and that is tried ten times at most.
    SELECT 25
$$;

CREATE OR REPLACE FUNCTION most_plans() RETURNS integer LANGUAGE sql IMMUTABLE AS $$
-- Of a step in one attempt: its machine has a history of 25,000 events (`ROUNDS` of the generator).
    SELECT 100
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

CREATE OR REPLACE FUNCTION try_again(r data_product_status, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- A later attempt, or a retry of the whole step, tries anew what was not loaded: the rules or the job may have changed. What no retry helps waits for a
-- person (`allow_retries`).
    UPDATE landing_file l SET status = 'RECEIVED', tries = 0, batch_id = NULL, changed_at = now_is, changed_by = 'files'
    FROM files_of_run(r) f WHERE l.file_id = f.file_id AND (f.status = 'FAILED' AND f.retriable OR f.status = 'REJECTED' AND f.batch_id IS NOT NULL)
        AND f.file_id <> ALL ((SELECT corrected_files(r))::bigint[])
$$;

CREATE OR REPLACE FUNCTION claim_batches(r data_product_status, of_step text, of_wave integer, now_is timestamptz) RETURNS integer
LANGUAGE sql SET work_mem = '32MB' AS $$
-- Claims the next batches, as many as a wave has. Gives how many there are.
    WITH placed AS (
        SELECT * FROM next_batches(r, of_step)
    ), made AS (
        INSERT INTO landing_batch (run_id, attempt, step, wave, number, members, late, bytes, status, planned_at)
        SELECT r.run_id, r.attempt, of_step, of_wave, number, array_agg(file_id ORDER BY place), coalesce(array_agg(file_id ORDER BY place) FILTER (WHERE late), '{}'),
            sum(size), 'PLANNED', now_is
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

CREATE OR REPLACE FUNCTION judge_files(r data_product_status, of_step text, statuses jsonb, OUT decision text, OUT message text)
LANGUAGE plpgsql STABLE AS $$
-- Whether the step is done when nothing is left to load: by how many files may be left out, with `load: cdc` none. `statuses` as in `outcome_of_files`.
DECLARE
    accept jsonb := coalesce(batches_of(r, of_step) -> 'accept', '{}');
    files record;
BEGIN
    IF NOT statuses ?| '{REJECTED,FAILED}' THEN
        decision := 'done';
        RETURN;
    ELSIF is_cdc(r.product_id) THEN
        SELECT coalesce(l.decision, 'done'), l.message INTO decision, message FROM stopped_lanes(r, of_step) l;
        RETURN;
    END IF;
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
-- failed or rejected, if more files were left out than metadata accepts; exhausted, if files are given back again and again; remaining, if there are more waves
-- than one execution has; wait, to ask again. `files`, when it is done, is what the refresh event says of them. The same call again has the same answer.
DECLARE
    r data_product_status;
    last landing_wave;
    running text[];
    outcome jsonb;
BEGIN
    files := '{}';
    PERFORM lock_openings(true);
    PERFORM lock_sources(ARRAY(SELECT s.product_id FROM data_product_status s WHERE s.run_id = run));
    r := locked_run_in('PROCESSING', run, of_attempt, 'so nothing is loaded for it');
    SELECT * INTO last FROM landing_wave w WHERE w.run_id = run AND w.attempt = of_attempt AND w.step = of_step ORDER BY w.wave DESC LIMIT 1;
    IF last.entered_at IS DISTINCT FROM entered THEN
        running := free_batches(r, of_step, now_is);
        IF last.wave IS NULL AND of_attempt > 1 OR last.decision IN ('failed', 'rejected', 'exhausted') THEN
            PERFORM try_again(r, now_is);
        END IF;
        wave := coalesce(last.wave, 0) + 1;
        IF (SELECT count(DISTINCT b.wave) FROM landing_batch b WHERE b.run_id = run AND b.attempt = of_attempt AND b.step = of_step AND b.status = 'FAILED'
                AND b.wave > coalesce((SELECT max(g.wave) FROM landing_batch g
                    WHERE g.run_id = run AND g.attempt = of_attempt AND g.step = of_step AND g.status = 'RECORDED'), 0)) >= most_waves() THEN
            decision := 'exhausted';
            message := format('batches of %s waves have failed: %s', most_waves(), left_out(r, 'RECEIVED'));
        ELSIF wave >= most_plans() AND EXISTS (SELECT FROM next_batches(r, of_step)) THEN
            decision := 'remaining';
            message := format('%s waves of batches have been loaded, as many as one execution has; %s files are left, and the next attempt goes on with them',
                wave - 1, (SELECT count(*) FROM files_of_run(r) f WHERE f.status = 'RECEIVED'));
        ELSIF claim_batches(r, of_step, wave, now_is) > 0 THEN
            decision := 'load';
        ELSIF running <> '{}' THEN
            decision := 'wait';
            message := format('the execution of a batch has ended, and its job run %s still runs; it is asked to stop', running[1]);
            batches := '[]';
            RETURN;
        ELSE
            PERFORM take_settling_files(r, now_is);
            outcome := outcome_of_files(r);
            SELECT j.decision, j.message INTO decision, message FROM judge_files(r, of_step, outcome -> 'statuses') j;
        END IF;
        PERFORM notify_of_wave(r, last, decision, now_is) WHERE last.wave IS NOT NULL;
        INSERT INTO landing_wave (run_id, attempt, step, wave, entered_at, decision, message, files, planned_at)
        VALUES (run, of_attempt, of_step, wave, entered, decision, message, CASE WHEN decision <> 'load' THEN coalesce(outcome, outcome_of_files(r)) END, now_is)
        RETURNING * INTO last;
    END IF;
    decision := last.decision;
    message := last.message;
    wave := last.wave;
    SELECT coalesce(jsonb_agg(jsonb_build_object('batch_id', b.batch_id, 'number', b.number) ORDER BY b.number), '[]') INTO batches
    FROM landing_batch b WHERE b.run_id = run AND b.attempt = of_attempt AND b.step = of_step AND b.wave = last.wave;
    IF decision = 'done' THEN
        files := loaded_files(r, last.files -> 'statuses');
    END IF;
END $$;
