-- What an alert says.

CREATE OR REPLACE FUNCTION wants_inputs(r data_product_status) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- Whether the run waits, or has failed because it did.
    SELECT coalesce(r.status = 'WAITING' OR r.status = 'ERROR' AND r.error IN ('DeadlineExceeded', 'UpstreamFailed'), false)
$$;

CREATE OR REPLACE FUNCTION waiting_for(products text[], on_date date, now_is timestamptz) RETURNS TABLE (product_id text, due timestamptz)
LANGUAGE sql STABLE AS $$
-- The products that wait for one of these refreshes, directly or not, with when they are due: those with a run that wants it, and those whose run would
-- be opened by the refresh that is missing. A product that waits for a failure is not kept waiting by one.
    WITH RECURSIVE affected(product_id, of_date) AS (
        SELECT product, on_date FROM unnest(products) product
        UNION
        SELECT waiter.product_id, waiter.of_date FROM affected a CROSS JOIN LATERAL (
            SELECT s.product_id, s.business_date AS of_date FROM awaiting(a.product_id, a.of_date, now_is) d
            CROSS JOIN LATERAL (SELECT * FROM data_product_status r WHERE r.run_id = d.run_id AND wants_inputs(r) OFFSET 0) s
            WHERE 'COMPLETED' = ANY (d.statuses)
            UNION ALL
            SELECT d.product_id, a.of_date FROM data_product_dependencies d JOIN data_product p USING (product_id)
            WHERE d.upstream = a.product_id AND 'COMPLETED' = ANY (d.statuses) AND d.offset_days = 0 AND p.active AND p.machine IS NOT NULL
                AND NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = d.product_id)
                AND NOT EXISTS (SELECT FROM runs_of_date(d.product_id, a.of_date))
        ) waiter
    )
    SELECT a.product_id, min(s.due_at) FROM affected a
    LEFT JOIN LATERAL runs_of_date(a.product_id, a.of_date) s ON wants_inputs(s)
    WHERE a.product_id <> ALL (products) GROUP BY a.product_id
$$;

CREATE OR REPLACE FUNCTION failed_job(run uuid, of_attempt integer, of_step text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The latest job run of the attempt (and the step, if named) that did not succeed; one that was stopped because another had failed only if there is no other.
    SELECT named_job(j) || jsonb_build_object('step', j.step, 'error', coalesce(j.error, job_error(j.state)), 'message', both_ends(j.message, 4000))
    FROM job_run j
    WHERE j.run_id = run AND j.attempt = of_attempt AND j.state NOT IN ('STARTED', 'SUCCEEDED') AND (of_step IS NULL OR j.step = of_step)
    ORDER BY j.stop_asked_at IS NOT NULL, j.ended_at DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION since_in_attempt(r data_product_status, fact jsonb) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
-- When what the fact says became so, in its own attempt; null if the history does not tell.
    SELECT CASE fact ->> 'kind' WHEN 'LATE' THEN r.due_at WHEN 'AT_RISK' THEN (fact ->> 'at')::timestamptz WHEN 'OUTDATED' THEN r.outdated_at ELSE (
        SELECT h.changed_at FROM data_product_status_history h
        WHERE h.run_id = r.run_id AND h.attempt = (fact ->> 'attempt')::integer AND fact ->> 'level' = 'product'
            AND h.event::text = ANY (CASE fact ->> 'kind' WHEN 'ERROR' THEN ARRAY['failed'] WHEN 'STARTED' THEN ARRAY['started']
                WHEN 'COMPLETED' THEN ARRAY['completed'] ELSE ARRAY['skipped', 'cancelled'] END)
        ORDER BY h.history_id DESC LIMIT 1) END
$$;

CREATE OR REPLACE FUNCTION roots_of_alert(r data_product_status, fact jsonb, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The first five root causes; before them the account all of whose products are missing, if that is it.
    SELECT CASE WHEN c.root LIKE 'account %' THEN jsonb_build_array(jsonb_build_object('product', c.root, 'business_date', c.on_date,
            'upstream', jsonb_build_object('status', 'silent', 'owner', coalesce((SELECT string_agg(DISTINCT p.owner, ', ') FROM data_product p
                WHERE p.account = split_part(c.root, ' ', 2) AND p.active), 'unknown')))) ELSE '[]' END
        || coalesce(root_causes_with_state(r.product_id, r.business_date, r.cycle, 5, now_is), '[]')
    FROM cause_of(r, fact, now_is) c
$$;

CREATE OR REPLACE FUNCTION worst_ten(products jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
-- Of [{product_id, due}]: how many they are, the ten that are due first, and the first SLA at risk as `<due>|<product>`; null if there is none.
    SELECT jsonb_strip_nulls(jsonb_build_object('count', count(*), 'products', jsonb_agg(product_id ORDER BY place) FILTER (WHERE place <= 10),
        'first_due', min(to_char(due AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '|' || product_id)))
    FROM (SELECT w.product_id, w.due, row_number() OVER (ORDER BY w.due NULLS LAST, w.product_id) AS place
        FROM jsonb_to_recordset(products) w(product_id text, due timestamptz)) placed
    HAVING count(*) > 0
$$;

CREATE OR REPLACE FUNCTION products_waiting(product text, on_date date, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- What waits for this refresh, as `worst_ten` says.
    SELECT worst_ten(jsonb_agg(w)) FROM waiting_for(ARRAY[product], on_date, now_is) w
$$;

CREATE OR REPLACE FUNCTION waiting_elsewhere(product text, on_date date) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The products of other accounts that need this refresh, directly or not, {count, products: [{product, runs_in}], the first ten by when they are due, first_due:
-- `<due>|<product>`}; null if there is none. When they are due follows from the metadata here: what they have opened is not known.
    SELECT jsonb_strip_nulls(jsonb_build_object('count', count(*),
        'products', jsonb_agg(jsonb_build_object('product', product_id, 'runs_in', runs_in) ORDER BY place) FILTER (WHERE place <= 10),
        'first_due', min(to_char(due AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '|' || product_id)))
    FROM (
        SELECT p.product_id, p.runs_in, due.at AS due, row_number() OVER (ORDER BY due.at NULLS LAST, p.product_id) AS place
        FROM jsonb_array_elements(reached_elsewhere(product, on_date, '')) r
        JOIN data_product p ON p.product_id = r ->> 'product'
        CROSS JOIN LATERAL (SELECT (on_date + (p.alerting #>> '{promise,days}')::integer + (p.alerting #>> '{promise,complete_by}')::time)
            AT TIME ZONE (p.alerting #>> '{promise,timezone}') AS at) due
        WHERE p.runs_in IS NOT NULL) reached
    HAVING count(*) > 0
$$;

CREATE OR REPLACE FUNCTION alert_content(r data_product_status, fact jsonb, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- What the reader of an alert needs first. It speaks of its own attempt, also when the next has begun.
    SELECT jsonb_strip_nulls(fact || jsonb_build_object('description', p.description, 'owner', p.owner, 'email', p.email,
        'since', coalesce(since_in_attempt(r, fact), CASE WHEN fact ->> 'level' = 'step' THEN job.ended_at WHEN is_current THEN r.finished_at END, now_is),
        'execution_arn', coalesce(fact ->> 'execution_arn', CASE WHEN is_current THEN r.execution_arn END), 'cause', both_ends(fact ->> 'cause', 3000),
        'timezone', coalesce((SELECT timezone FROM data_product_schedule WHERE product_id = r.product_id), p.sla_timezone), 'due_at', r.due_at,
        'opening_error', CASE r.status WHEN 'NOT OPENED' THEN p.opening_error END,
        'opens_at', CASE r.status WHEN 'NOT OPENED' THEN opens_at(r.product_id, r.business_date) END,
        'job', CASE fact ->> 'kind' WHEN 'ERROR' THEN job.named END,
        'root_causes', CASE WHEN is_current AND is_about_inputs(r, fact) THEN roots_of_alert(r, fact, now_is) END,
        'waiting', products_waiting(r.product_id, r.business_date, now_is),
        'elsewhere', CASE WHEN fact ->> 'kind' IN ('ERROR', 'LATE', 'AT_RISK') THEN waiting_elsewhere(r.product_id, r.business_date) END))
    FROM data_product p
    CROSS JOIN LATERAL (SELECT r.attempt = (fact ->> 'attempt')::integer AS is_current) attempt
    CROSS JOIN LATERAL (SELECT failed_job(r.run_id, (fact ->> 'attempt')::integer, fact ->> 'step') AS named, (
        SELECT max(j.ended_at) FROM job_run j WHERE j.run_id = r.run_id AND j.attempt = (fact ->> 'attempt')::integer AND j.step = fact ->> 'step') AS ended_at) job
    WHERE p.product_id = r.product_id
$$;
