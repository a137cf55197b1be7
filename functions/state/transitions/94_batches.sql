-- What people ask of one batch of files.

CREATE OR REPLACE FUNCTION describe_batch(of_batch integer) RETURNS jsonb
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
-- One batch: of which run, wave and job run it is, and what became of its files, `statuses`; `elsewhere` counts those that later batches have taken. The first
-- twenty that are not PROCESSED, as far as they fit.
DECLARE
    b landing_batch;
    r data_product_status;
BEGIN
    SELECT * INTO b FROM landing_batch l WHERE l.batch_id = of_batch;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownFile: no batch has the number %; `headgate why` and `headgate files list` have them', of_batch;
    END IF;
    SELECT * INTO r FROM run_of(b.run_id);
    RETURN (
        WITH f AS MATERIALIZED (SELECT * FROM landing_file l WHERE l.file_id = ANY (b.members) AND l.batch_id = of_batch),
        j AS (SELECT * FROM job_run o WHERE o.run_id = b.run_id AND (o.handle ->> 'batch')::bigint = of_batch)
        SELECT jsonb_strip_nulls(jsonb_build_object('batch', b.batch_id, 'product', r.product_id, 'business_date', r.business_date,
            'cycle', nullif(r.cycle, ''), 'run_id', b.run_id, 'attempt', b.attempt, 'step', b.step, 'wave', b.wave, 'number', b.number,
            'of', (SELECT count(*) FROM landing_batch o WHERE o.run_id = b.run_id AND o.attempt = b.attempt AND o.step = b.step AND o.wave = b.wave),
            'files', b.files, 'bytes', b.bytes, 'planned_at', b.planned_at, 'ended_at', b.ended_at,
            'status', CASE WHEN b.status = 'PLANNED' AND EXISTS (SELECT FROM j) THEN 'RUNNING' ELSE b.status END,
            'folder', format('batches/%s/%s/%s/%s', b.run_id, b.attempt, b.step, b.batch_id), 'execution_arn', r.execution_arn,
            'statuses', coalesce((SELECT jsonb_object_agg(status, count) FROM (SELECT status, count(*) FROM f GROUP BY status) each), '{}'),
            'elsewhere', (SELECT nullif(b.files - count(*), 0) FROM f),
            'jobs', (SELECT coalesce(cut(jsonb_agg(jsonb_strip_nulls(named_job(o) || jsonb_build_object('state', o.state, 'message', both_ends(o.message, 600),
                'started_at', o.started_at, 'ended_at', o.ended_at)) ORDER BY o.started_at), 16000), '[]') FROM job_run o JOIN j USING (job_run_id)),
            'left_out', (SELECT coalesce(cut(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('file', file_id, 'name', cut_text(regexp_replace(key, '^.*/', ''), 300),
                    'status', status, 'reason', cut_text(reason, 300))) ORDER BY file_id) FILTER (WHERE place <= 20), 16000, count(*)), '[]')
                FROM (SELECT *, row_number() OVER (ORDER BY file_id) AS place FROM f WHERE status <> 'PROCESSED') each))));
END $$;
