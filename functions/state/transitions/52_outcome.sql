-- How an attempt ended, as its machine reports it or as others found out.

CREATE OR REPLACE FUNCTION ended_without_inputs(outcome text, of_error text, actor text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- Whether an attempt ended only because inputs were missing: at its deadline, and not by an operator; or because its files were wrong, or too many for it.
    SELECT coalesce(outcome = 'ERROR' AND of_error IN ('DeadlineExceeded', 'UpstreamFailed', 'FilesRejected', 'FilesRemain') OR outcome = 'SKIPPED' AND actor IN ('machine', 'monitor'), false)
$$;

CREATE OR REPLACE FUNCTION resumes_until(r data_product_status, now_is timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
-- Until when a run that ends now because of its inputs may resume; null if its product does not.
    SELECT now_is + make_interval(secs => p.resume_seconds) FROM data_product p WHERE p.product_id = r.product_id
$$;

CREATE OR REPLACE FUNCTION cause_in_event(outcome text, of_error text, of_cause text, actor text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('cause', left(
        CASE outcome WHEN 'ERROR' THEN of_error WHEN 'COMPLETED' THEN NULL ELSE coalesce(of_cause, 'by ' || actor) END, 1000))
$$;

CREATE OR REPLACE FUNCTION send_back_files(r data_product_status, now_is timestamptz) RETURNS void LANGUAGE sql AS $$
-- The set of files that the (locked) run has used is not what it waits for: it waits for the next one, which corrected files bring. What has landed since
-- its files were judged is that already.
    UPDATE refresh_event e SET superseded_at = now_is
    FROM data_product_dependencies_events_status d
    WHERE d.run_id = r.run_id AND d.upstream = files_input(r.product_id) AND e.event_key = d.event_key AND e.superseded_at IS NULL
        AND NOT has_files_to_load(r);
    SELECT wait_for_superseded(ARRAY[r.run_id], now_is)
$$;

CREATE OR REPLACE FUNCTION record_outcome(
    run uuid, of_attempt integer, outcome text, of_error text, of_cause text, now_is timestamptz, actor text,
    OUT recorded_at timestamptz, OUT repeated boolean
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records how an attempt ended, and gives when. The same outcome a second time is the answer to a lost reply and gives the first time again.
DECLARE
    r data_product_status;
BEGIN
    PERFORM FROM data_product_status WHERE run_id = run FOR UPDATE;  -- a restart that is under way is seen whole, or not at all
    SELECT h.changed_at INTO recorded_at FROM data_product_status_history h JOIN data_product_status s USING (run_id)
    WHERE h.run_id = run AND h.attempt = of_attempt AND h.attempt < s.attempt AND h.status = outcome ORDER BY h.history_id LIMIT 1;
    repeated := FOUND;  -- and the next attempt has started since
    IF repeated THEN
        RETURN;
    END IF;
    r := locked_run(run, of_attempt);
    repeated := r.status = outcome;
    IF repeated THEN
        recorded_at := r.finished_at;
        RETURN;
    END IF;
    UPDATE data_product_status s SET status = outcome, finished_at = now_is, task_token = NULL, error = of_error, cause = both_ends(of_cause, 12000),
        resume_until = CASE WHEN ended_without_inputs(outcome, of_error, actor) THEN resumes_until(s, now_is) END,
        event = CASE outcome WHEN 'ERROR' THEN 'failed' ELSE lower(outcome) END, changed_at = now_is, changed_by = actor
    WHERE run_id = run AND ((outcome = 'COMPLETED' AND status = 'PROCESSING')
        OR (outcome = 'ERROR' AND status IN ('WAITING', 'PROCESSING'))
        OR (outcome = 'SKIPPED' AND status = 'WAITING' AND released_at IS NULL)
        OR (outcome = 'CANCELLED' AND status IN ('WAITING', 'PROCESSING')));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'IllegalTransition: % for % is %, and cannot become %', r.product_id, r.business_date, r.status, outcome;
    END IF;
    PERFORM store_event_of(r, outcome, cause_in_event(outcome, of_error, of_cause, actor), now_is);
    IF of_error = 'FilesRejected' THEN
        PERFORM send_back_files(r, now_is);
    END IF;
    IF outcome = 'ERROR' AND actor <> 'machine' THEN  -- a machine sends the alert of its failure itself; one that died cannot
        PERFORM store_alert(r, 'ERROR', jsonb_build_object('error', of_error, 'cause', both_ends(of_cause, 6000), 'execution_arn', r.execution_arn), now_is);
    END IF;
    IF EXISTS (SELECT FROM data_product_status s WHERE s.run_id = run AND may_resume(s, now_is)) THEN
        PERFORM match_arrivals(ARRAY[run], NULL, now_is);  -- everything may have arrived since the deadline decided
        PERFORM advance(ARRAY[run], now_is, 'everything had arrived', actor);
    END IF;
    recorded_at := now_is;
    IF outcome = 'COMPLETED' THEN
        PERFORM learn_from_run(run, now_is);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION finish_attempt(
    run uuid, of_attempt integer, outcome text, of_error text, of_cause text, now_is timestamptz,
    OUT recorded_at timestamptz, OUT detail jsonb, OUT continues boolean
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records how the machine of an attempt ended; gives when, the detail of the event that the machine publishes, and whether a backfill goes on with it.
DECLARE
    r data_product_status;
BEGIN
    SELECT o.recorded_at INTO recorded_at FROM record_outcome(run, of_attempt, outcome, of_error, of_cause, now_is, 'machine') o;
    SELECT * INTO r FROM run_of(run);
    r.attempt := of_attempt;  -- the next may have started
    detail := event_detail(r, outcome, cause_in_event(outcome, of_error, of_cause, 'machine'), recorded_at);
    continues := in_open_backfill(run);
END $$;
