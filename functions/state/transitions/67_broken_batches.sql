-- Batches whose executions ended before they were recorded.

CREATE OR REPLACE FUNCTION stop_batches(r data_product_status, batches bigint[], now_is timestamptz) RETURNS TABLE (batch bigint, job_run_id text)
LANGUAGE sql AS $$
-- Asks the work of these batches of the run to stop. Gives what still runs: as long as it does, nobody else loads its files.
    UPDATE job_run j SET stop_asked_at = coalesce(j.stop_asked_at, now_is), changed_at = now_is
    WHERE j.run_id = r.run_id AND j.state = 'STARTED' AND (j.handle ->> 'batch')::bigint = ANY (batches)
    RETURNING (j.handle ->> 'batch')::bigint, j.job_run_id
$$;

CREATE OR REPLACE FUNCTION free_batches(r data_product_status, of_step text, now_is timestamptz) RETURNS text[]
LANGUAGE plpgsql AS $$
-- What batches of the run hold that nobody will record any more: those of earlier attempts, and of children that broke. Files of a batch that was never
-- launched are as they were. Gives the job runs of those that still run and keep theirs.
DECLARE
    open bigint[] := ARRAY(SELECT b.batch_id FROM landing_batch b WHERE b.run_id = r.run_id AND b.step = of_step AND b.status = 'PLANNED');
    launched bigint[] := ARRAY(SELECT (j.handle ->> 'batch')::bigint FROM job_run j WHERE j.run_id = r.run_id AND (j.handle ->> 'batch')::bigint = ANY (open));
    running bigint[];
    job_runs text[];
BEGIN
    SELECT coalesce(array_agg(s.batch), '{}'), coalesce(array_agg(s.job_run_id), '{}') INTO running, job_runs FROM stop_batches(r, launched, now_is) s;
    open := ARRAY(SELECT unnest(open) EXCEPT SELECT unnest(running));
    launched := ARRAY(SELECT unnest(launched) EXCEPT SELECT unnest(running));
    PERFORM end_batches(launched, 'BatchNotRecorded', 'the execution of the batch ended before it was recorded', now_is);
    UPDATE landing_file f SET status = CASE WHEN counts THEN 'RECEIVED' ELSE 'SUPERSEDED' END, batch_id = NULL, changed_at = now_is, changed_by = 'files'
    FROM landing_batch b
    WHERE b.batch_id = ANY (open) AND f.file_id = ANY (b.members) AND f.batch_id = b.batch_id AND f.status = 'CLAIMED';
    UPDATE landing_batch SET status = 'FAILED', ended_at = now_is WHERE batch_id = ANY (open) AND status = 'PLANNED';
    RETURN job_runs;
END $$;

CREATE OR REPLACE FUNCTION broken_batches(run uuid, of_step text, entered text) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The batches of the run that an execution has left unrecorded, [{batch_id, attempt, job_run_id, state}], without those of the wave that was planned at that
-- moment. `job_run_id` is null where nobody has recorded a job run.
    SELECT coalesce(jsonb_agg(jsonb_build_object('batch_id', b.batch_id, 'attempt', b.attempt, 'job_run_id', j.job_run_id, 'state', j.state)
        ORDER BY b.batch_id), '[]')
    FROM landing_batch b
    LEFT JOIN LATERAL (SELECT * FROM job_run l WHERE l.run_id = run AND l.handle ->> 'batch' = b.batch_id::text ORDER BY l.state = 'SUCCEEDED' DESC LIMIT 1) j ON true
    WHERE b.run_id = run AND b.step = of_step AND b.status = 'PLANNED' AND NOT EXISTS (SELECT FROM landing_wave w
        WHERE w.run_id = run AND w.attempt = b.attempt AND w.step = of_step AND w.wave = b.wave AND w.entered_at = entered)
$$;
