-- Sweeps: each opening of the schedule takes the files that are there. Until then these have no business date.

CREATE OR REPLACE FUNCTION next_sweep(product text) RETURNS timestamptz LANGUAGE sql STABLE AS $$
-- The next opening of the product's schedule; null if none comes within forty days, or if the schedule cannot be read.
    SELECT min(o.at) FROM data_product p JOIN data_product_schedule s USING (product_id)
    CROSS JOIN LATERAL openings_of(s, s.opened_until, s.opened_until + interval '40 days') o
    WHERE p.product_id = product AND runs_here(p) AND p.opening_error IS NULL
$$;

CREATE OR REPLACE FUNCTION next_opening_of(product text) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- What is said of a file that waits for a sweep, {sweep: {at}}.
    SELECT jsonb_build_object('sweep', jsonb_strip_nulls(jsonb_build_object('at', next_sweep(product))))
$$;

CREATE OR REPLACE FUNCTION to_be_swept(product text, on_date date, of_cycle text) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- How many files wait for the opening after this one, and when that is, {waiting, at}; null if none does, or if it is not the latest of the product.
    SELECT jsonb_strip_nulls(jsonb_build_object('waiting', count(*), 'at', next_sweep(product)))
    FROM landing_file f
    WHERE f.product_id = product AND waits_for_sweep(f) AND sweeps(product)
        AND NOT EXISTS (SELECT FROM data_product_status r WHERE r.product_id = product AND (r.business_date, r.cycle) > (on_date, coalesce(of_cycle, '')))
    HAVING count(*) > 0
$$;

CREATE OR REPLACE FUNCTION has_swept(r data_product_status) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM landing_set t WHERE t.product_id = r.product_id AND t.business_date = r.business_date AND t.cycle = r.cycle)
$$;

CREATE OR REPLACE FUNCTION older_one_is_loaded(f landing_file) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether an older version of the object is in a batch that a run loads, or a job that has not stopped yet: of two at once the older could be written last.
    SELECT EXISTS (SELECT FROM (SELECT * FROM landing_file l WHERE l.bucket = f.bucket AND l.key = f.key OFFSET 0) o
        CROSS JOIN LATERAL runs_of_date(o.product_id, o.business_date) r
        WHERE o.status = 'CLAIMED' AND o.product_id = f.product_id AND r.cycle = o.cycle AND (r.status IN ('WAITING', 'PROCESSING')
            OR EXISTS (SELECT FROM job_run j WHERE j.run_id = r.run_id AND j.state = 'STARTED' AND (j.handle ->> 'batch')::bigint = o.batch_id)))
$$;

CREATE OR REPLACE FUNCTION groups_together(product text) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- By which groups the files of the product are in lanes.
    SELECT coalesce((SELECT c.settings #> '{batches,together}' FROM data_pipeline_config c
        WHERE c.product_id = product AND c.settings ? 'batches' ORDER BY c.position LIMIT 1), '[]')
$$;

CREATE OR REPLACE FUNCTION lanes_in_sweeps(product text) RETURNS jsonb[] LANGUAGE sql STABLE AS $$
-- The lanes of which a run has files that are not loaded: their next files are taken by an opening after that.
    SELECT ARRAY(SELECT DISTINCT to_jsonb(lane_of(f.facets, groups_together(product)))
        FROM landing_set t CROSS JOIN LATERAL runs_of_date(t.product_id, t.business_date) r
        JOIN landing_file f ON f.product_id = t.product_id AND f.business_date = t.business_date AND f.cycle = t.cycle
        WHERE t.product_id = product AND r.cycle = t.cycle AND r.status <> 'COMPLETED'
            AND f.kind = 'data' AND f.counts AND f.status IN ('RECEIVED', 'CLAIMED', 'REJECTED', 'FAILED'))
$$;

CREATE OR REPLACE FUNCTION join_corrected(files bigint[]) RETURNS void LANGUAGE sql AS $$
-- With `load: cdc`, a newer version of a file that was rejected or has failed in the run of a sweep is a file of that run, in which its lane waits for it.
    UPDATE landing_file f SET business_date = c.business_date, cycle = c.cycle
    FROM (SELECT DISTINCT ON (n.file_id) n.file_id, o.business_date, o.cycle
        FROM landing_file n CROSS JOIN LATERAL (SELECT * FROM landing_file l WHERE l.bucket = n.bucket AND l.key = n.key OFFSET 0) o
        WHERE n.file_id = ANY (files) AND waits_for_sweep(n) AND is_cdc(n.product_id) AND o.product_id = n.product_id AND o.business_date IS NOT NULL
            AND o.status IN ('REJECTED', 'FAILED') AND coalesce(o.sequencer < n.sequencer, o.event_at <= n.event_at)
        ORDER BY n.file_id, o.event_at DESC) c
    WHERE f.file_id = c.file_id
$$;

CREATE OR REPLACE FUNCTION files_to_sweep(product text) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
-- The files that an opening takes now.
    SELECT f.file_id FROM landing_source s
    CROSS JOIN LATERAL (SELECT * FROM landing_file l WHERE l.product_id = s.product_id AND waits_for_sweep(l) OFFSET 0) f
    CROSS JOIN (SELECT groups_together(product) AS together, CASE WHEN is_cdc(product) THEN lanes_in_sweeps(product) END AS busy OFFSET 0) lanes
    WHERE s.product_id = product AND CASE WHEN lanes.busy IS NULL THEN NOT older_one_is_loaded(f) ELSE to_jsonb(lane_of(f.facets, lanes.together)) <> ALL (lanes.busy) END
$$;

CREATE OR REPLACE FUNCTION why_not_swept(product text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN count(*) = 0 THEN 'no file had landed since the opening before'
        ELSE format('%s wait%s until older ones are loaded', CASE count(*) WHEN 1 THEN '1 file' ELSE count(*) || ' files' END, CASE count(*) WHEN 1 THEN 's' ELSE '' END) END
    FROM landing_file f WHERE f.product_id = product AND waits_for_sweep(f)
$$;

CREATE OR REPLACE FUNCTION sweep(runs uuid[], actor text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- Those of the (locked) runs whose products sweep take the files that are there, of several runs of a product the first. They are a set that arrives at
-- once. A run that has no files ends SKIPPED, of which nobody is notified. The caller has excluded openings, and with them whoever records files.
DECLARE
    due uuid[] := ARRAY(SELECT r.run_id FROM data_product_status r JOIN landing_source s USING (product_id)
        WHERE r.run_id = ANY (runs) AND (s.source ->> 'sweep')::boolean AND NOT has_swept(r));
    swept landing_set[];
BEGIN
    IF due = '{}' THEN
        RETURN;
    END IF;
    WITH first AS (
        SELECT DISTINCT ON (r.product_id) r.product_id, r.business_date, r.cycle FROM data_product_status r
        WHERE r.run_id = ANY (due) ORDER BY r.product_id, r.business_date, r.cycle
    ), waiting AS MATERIALIZED (
        SELECT first.*, ARRAY(SELECT files_to_sweep(first.product_id)) AS files FROM first
    ), taken AS (
        -- by a list, and not by a join: nothing is known of how many there are, and a join may read every file
        UPDATE landing_file f SET business_date = n.business_date, cycle = n.cycle
        FROM waiting n WHERE f.file_id = ANY (n.files)
        RETURNING f.product_id, f.business_date, f.cycle, f.received_at
    ), kept AS (
        INSERT INTO landing_set AS s (product_id, business_date, cycle, altered, first_at, changed_at)
        SELECT t.product_id, t.business_date, t.cycle, false, min(t.received_at), now_is FROM taken t GROUP BY t.product_id, t.business_date, t.cycle
        RETURNING s
    )
    SELECT coalesce(array_agg(s), '{}') INTO swept FROM kept;
    PERFORM end_notices(notices_of_arrived(swept), now_is);
    PERFORM store_arrivals(swept, '[]', now_is);
    UPDATE data_product_status r SET status = 'SKIPPED', finished_at = now_is, error = NULL, cause = why_not_swept(r.product_id), resume_until = NULL,
        event = 'skipped', changed_at = now_is, changed_by = actor
    WHERE r.run_id = ANY (due) AND NOT has_swept(r);
END $$;

CREATE OR REPLACE FUNCTION found_no_files(run uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether the run's opening found no files. What depends on nothing is not made again with what it would depend on.
    SELECT EXISTS (SELECT FROM run_of(run) r WHERE sweeps(r.product_id) AND NOT has_swept(r))
$$;

CREATE OR REPLACE FUNCTION overtaken_files(r data_product_status) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
-- The files that the run has swept and of which a newer version has come since. To load them again would put the older one over the newer.
    SELECT v.file_id FROM versions_in_order(ARRAY(SELECT f.file_id FROM files_of_run(r) f WHERE sweeps(r.product_id))) v WHERE NOT v.newest
$$;

CREATE OR REPLACE FUNCTION refuse_empty_sweep(r data_product_status) RETURNS void
LANGUAGE plpgsql STABLE AS $$
-- Raises if the run, whose opening found no files, would find none now.
BEGIN
    IF sweeps(r.product_id) AND NOT has_swept(r) AND NOT EXISTS (SELECT files_to_sweep(r.product_id)) THEN
        RAISE EXCEPTION 'IllegalTransition: % for % has no files: %', r.product_id, concat_ws(' ', r.business_date, nullif(r.cycle, '')),
            why_not_swept(r.product_id);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION sweep_again(runs uuid[], actor text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- The (locked) runs, which are run again, have the files that they took. One whose opening found none takes what is there now.
DECLARE
    again landing_set[];
BEGIN
    PERFORM sweep(runs, actor, now_is);
    SELECT array_agg(t) INTO again
    FROM data_product_status r JOIN landing_set t USING (product_id, business_date, cycle) CROSS JOIN LATERAL inputs_of_run(r.run_id) d
    WHERE r.run_id = ANY (runs) AND sweeps(r.product_id) AND d.upstream = files_input(r.product_id) AND d.status = 'WAITING';
    IF again IS NOT NULL THEN
        PERFORM store_arrivals(ARRAY(SELECT t FROM unnest(again) t WHERE NOT EXISTS (SELECT FROM refresh_event e
            WHERE e.product_id = files_input(t.product_id) AND e.business_date = t.business_date AND e.cycle = t.cycle AND e.superseded_at IS NULL)), '[]', now_is);
        PERFORM match_arrivals(runs, NULL, now_is);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION take_changed_sweeps(products text[], actor text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- The sources of these products have changed. Where one sweeps that did not, or the other way round, files that no run has used are matched again; and runs
-- that wait for files which no sweep brings go on.
DECLARE
    moved bigint[] := ARRAY(
        SELECT f.file_id FROM unnest(products) product CROSS JOIN LATERAL (SELECT * FROM landing_file l WHERE l.product_id = product AND waits_for_sweep(l) OFFSET 0) f
        WHERE NOT sweeps(product)
        UNION ALL
        SELECT f.file_id FROM landing_set t JOIN landing_file f USING (product_id, business_date, cycle)
        WHERE t.product_id = ANY (products) AND sweeps(t.product_id) AND t.generation = 0 AND f.status IN ('RECEIVED', 'SUPERSEDED'));
BEGIN
    DELETE FROM landing_set t WHERE t.product_id = ANY (products) AND sweeps(t.product_id) AND t.generation = 0;
    UPDATE landing_file SET product_id = NULL, business_date = NULL, cycle = '', counts = false, status = 'UNMATCHED', reason = NULL, changed_at = now_is,
        changed_by = actor, matched_at = now_is - interval '1 millisecond'  -- before the change, so that they are looked at
    WHERE file_id = ANY (moved);
    PERFORM sweep(ARRAY(SELECT r.run_id FROM unnest(products) product CROSS JOIN LATERAL waiting_runs_of(product) r WHERE r.released_at IS NULL), actor, now_is);
END $$;
