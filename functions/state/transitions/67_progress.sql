-- How far a step that loads files is: its waves and batches, and what became of the files. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION outcome_of_files(r data_product_status) RETURNS jsonb
LANGUAGE sql STABLE SET enable_nestloop = off AS $$
-- Of the run's files how many have which status, and why the first thousand of those that were left out were: {statuses: {STATUS: n}, reasons: [{status,
-- reason, files}], of}. The five most frequent reasons, as far as they fit; `of` is that thousand where there are more.
    WITH f AS MATERIALIZED (SELECT file_id, status, batch_id, reason FROM files_of_run(r)),
    left_out AS MATERIALIZED (SELECT * FROM f WHERE status IN ('REJECTED', 'FAILED') ORDER BY file_id LIMIT 1000),
    failed AS (
        SELECT DISTINCT c.file_id, c.batch_id, c.rule FROM landing_file_check c
        WHERE c.file_id = ANY (ARRAY(SELECT file_id FROM left_out WHERE status = 'REJECTED')) AND c.severity = 'reject'
    ), reasons AS (
        SELECT l.status, coalesce(c.rule, l.reason, 'no reason given') AS reason, count(*) AS files
        FROM left_out l LEFT JOIN failed c ON c.file_id = l.file_id AND c.batch_id = l.batch_id AND l.status = 'REJECTED'
        GROUP BY 1, 2
    )
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'statuses', (SELECT coalesce(jsonb_object_agg(status, files), '{}') FROM (SELECT status, count(*) AS files FROM f GROUP BY status) each),
        'reasons', (SELECT cut(jsonb_agg(jsonb_build_object('status', status, 'reason', cut_text(reason, 300), 'files', files) ORDER BY place)
                FILTER (WHERE place <= 5), 2000, count(*))
            FROM (SELECT *, row_number() OVER (ORDER BY status DESC, files DESC, reason) AS place FROM reasons) each),
        'of', CASE WHEN (SELECT count(*) FROM f WHERE status IN ('REJECTED', 'FAILED')) > 1000 THEN 1000 END))
$$;

CREATE OR REPLACE FUNCTION loading_of(r data_product_status) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- How far the attempt's step is that loads files, null if none has begun: its `wave` of `batches`, of which `running` [{batch, number, job_run_id}] have been
-- launched, the first twenty, and `waiting` not yet; how many were recorded (`done`) and given back (`failed`) in all its waves, and what became of the
-- files as in `outcome_of_files`. `decision`: load until nothing is left.
    WITH w AS (
        SELECT * FROM landing_wave v WHERE v.run_id = r.run_id AND v.attempt = r.attempt ORDER BY v.planned_at DESC, v.wave DESC LIMIT 1
    ), b AS MATERIALIZED (
        SELECT l.*, l.wave = w.wave AS now, l.status = 'PLANNED' AS open
        FROM w CROSS JOIN LATERAL (SELECT * FROM landing_batch l WHERE l.run_id = r.run_id AND l.attempt = r.attempt AND l.step = w.step OFFSET 0) l
    ), launched AS (
        SELECT (j.handle ->> 'batch')::bigint AS batch_id, max(j.job_run_id) AS job_run_id FROM job_run j
        WHERE j.run_id = r.run_id AND EXISTS (SELECT FROM b WHERE b.open) GROUP BY 1
    ), running AS (
        SELECT b.batch_id, b.number, l.job_run_id, row_number() OVER (ORDER BY b.number) AS place FROM b JOIN launched l USING (batch_id) WHERE b.open AND b.now
    )
    SELECT jsonb_strip_nulls(jsonb_build_object('step', w.step, 'wave', w.wave, 'decision', w.decision,
            'batches', (SELECT count(*) FROM b WHERE b.now),
            'running', (SELECT cut(jsonb_agg(jsonb_build_object('batch', batch_id, 'number', number, 'job_run_id', job_run_id) ORDER BY number)
                FILTER (WHERE place <= 20), 4000, count(*)) FROM running),
            'waiting', (SELECT nullif(count(*), 0) FROM b WHERE b.open AND b.now AND b.batch_id NOT IN (SELECT batch_id FROM running)),
            'done', (SELECT count(*) FROM b WHERE b.status = 'RECORDED'),
            'failed', (SELECT nullif(count(*), 0) FROM b WHERE b.status = 'FAILED')))
        || coalesce(w.files, outcome_of_files(r))
    FROM w
$$;
