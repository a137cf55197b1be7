-- Who is told what, once.

CREATE OR REPLACE FUNCTION take_alert(given jsonb, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Records the fact and gives its deliveries that are due, with what the alert is to say. One that was being sent when its sender died is
-- due again where the receiver recognizes it. Else nobody knows, and it is not sent twice: Slack is searched for it first.
DECLARE
    key text := concat_ws(' ', given ->> 'kind', given ->> 'level', given ->> 'step', given ->> 'run_id', given ->> 'attempt');
    r data_product_status;
    p data_product;
    root text;
    deliveries jsonb;
BEGIN
    SELECT * INTO r FROM data_product_status WHERE run_id = (given ->> 'run_id')::uuid;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownRun: no run has the id %', given ->> 'run_id';
    END IF;
    SELECT * INTO p FROM data_product WHERE product_id = r.product_id;
    PERFORM pg_advisory_xact_lock(7203);  -- two children of one failure are not told at the same time
    IF given ->> 'kind' = 'ERROR' AND given ->> 'error' IN ('DeadlineExceeded', 'UpstreamFailed') THEN
        root := failed_root(r, now_is);
    ELSIF given ->> 'kind' = 'LATE' AND r.status = 'WAITING' AND r.released_at IS NULL THEN
        root := coalesce(failed_root(r, now_is), root_causes(r.product_id, r.business_date, r.cycle, now_is) -> 0 ->> 'product');
    END IF;
    INSERT INTO alert (alert_key, run_id, product_id, attempt, kind, fact, belongs_to, told_at)
    VALUES (key, r.run_id, r.product_id, (given ->> 'attempt')::integer, given ->> 'kind', given, root, now_is)
    ON CONFLICT (alert_key) DO NOTHING;
    INSERT INTO alert_delivery (alert_key, channel, target, state, outcome, changed_at)
    SELECT key, to_whom.channel, to_whom.target, CASE WHEN known THEN 'SUPPRESSED' ELSE 'DUE' END,
        CASE WHEN known THEN 'told already, because of ' || root END, now_is
    FROM (
        SELECT DISTINCT c.channel, t.target
        FROM jsonb_array_elements(p.notify) entry
        CROSS JOIN unnest(ARRAY['slack', 'email', 'opsgenie', 'webhook']) c(channel)
        CROSS JOIN LATERAL jsonb_array_elements_text(coalesce(entry -> c.channel, '[]')) t(target)
        WHERE entry -> 'on' ? (given ->> 'kind') AND (given ->> 'level' = 'product' OR entry ->> 'level' = 'step')) to_whom
    -- a failure that was told says it for all who fail because of it; who is late because of it is told of, but pages nobody twice
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM alert a JOIN alert_delivery d USING (alert_key)
        WHERE (a.product_id = root AND a.kind = 'ERROR' OR a.belongs_to = root AND a.kind = given ->> 'kind')
            AND a.fact ->> 'business_date' = given ->> 'business_date' AND d.state <> 'SUPPRESSED'
            AND CASE WHEN given ->> 'kind' = 'ERROR' AND a.product_id = root THEN true
                ELSE (d.channel, d.target) = (to_whom.channel, to_whom.target) END)
        AND (given ->> 'kind' = 'ERROR' OR to_whom.channel = 'opsgenie') AS known) storm
    ON CONFLICT (alert_key, channel, target) DO NOTHING;
    UPDATE alert_delivery SET state = CASE WHEN channel IN ('slack', 'email') THEN 'UNKNOWN' ELSE 'DUE' END,
        outcome = 'it is not known whether this was delivered', changed_at = now_is
    WHERE alert_key = key AND state = 'SENDING' AND changed_at < now_is - interval '4 minutes';
    SELECT jsonb_agg(jsonb_build_object('channel', s.channel, 'target', s.target, 'doubtful', s.state = 'UNKNOWN',
        'since', extract(epoch FROM (SELECT told_at FROM alert WHERE alert_key = key) - interval '1 minute')::bigint::text,
        'place', CASE WHEN s.state = 'UNKNOWN' THEN (SELECT split_part(d.message_id, ' ', 1) FROM alert_delivery d
            WHERE d.channel = s.channel AND d.target = s.target AND d.message_id IS NOT NULL LIMIT 1) END,
        'first', (SELECT d.message_id FROM alert_delivery d JOIN alert a USING (alert_key)
            WHERE a.run_id = r.run_id AND d.channel = s.channel AND d.target = s.target AND d.message_id IS NOT NULL
            ORDER BY a.told_at, a.alert_key LIMIT 1),
        'failed_before', EXISTS (SELECT FROM alert a JOIN alert_delivery d USING (alert_key)
            WHERE a.run_id = r.run_id AND a.kind IN ('ERROR', 'LATE') AND d.state = 'SENT' AND d.channel = s.channel AND d.target = s.target))
        ORDER BY s.channel, s.target)
    INTO deliveries FROM alert_delivery s
    WHERE s.alert_key = key AND (s.state = 'DUE' OR s.state = 'UNKNOWN' AND s.channel = 'slack');
    RETURN jsonb_build_object('key', key, 'deliveries', coalesce(deliveries, '[]'),
        'alert', CASE WHEN deliveries IS NOT NULL THEN told_of(r, given, now_is) END);
END $$;

CREATE OR REPLACE FUNCTION waiting_for(product text, on_date date) RETURNS TABLE (product_id text, due timestamptz)
LANGUAGE sql STABLE AS $$
-- The products that wait for this refresh, near or far, with when they are due: those with a run that waits, and those whose run would
-- be opened by what does not come. Who waits for a failure is not kept waiting by one.
    WITH RECURSIVE affected(product_id, of_date) AS (
        SELECT product, on_date
        UNION
        SELECT waiter.product_id, waiter.of_date FROM affected a CROSS JOIN LATERAL (
            SELECT s.product_id, s.business_date AS of_date FROM data_product_dependencies_events_status d
            JOIN data_product_status s ON s.run_id = d.run_id AND s.status = 'WAITING'
            WHERE d.upstream = a.product_id AND d.status = 'WAITING' AND 'COMPLETED' = ANY (d.statuses)
                AND coalesce(d.required_date, a.of_date) = a.of_date
            UNION ALL
            SELECT d.product_id, a.of_date FROM data_product_dependencies d JOIN data_product p USING (product_id)
            WHERE d.upstream = a.product_id AND 'COMPLETED' = ANY (d.statuses) AND d.offset_days = 0 AND p.active AND p.machine IS NOT NULL
                AND NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = d.product_id)
                AND NOT EXISTS (SELECT FROM data_product_status s WHERE s.product_id = d.product_id AND s.business_date = a.of_date)
        ) waiter
    )
    SELECT a.product_id, min(due_at(s)) FROM affected a
    LEFT JOIN data_product_status s ON s.product_id = a.product_id AND s.business_date = a.of_date AND s.status = 'WAITING'
    WHERE a.product_id <> product GROUP BY a.product_id
$$;

CREATE OR REPLACE FUNCTION told_of(r data_product_status, fact jsonb, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- What a person needs first.
    SELECT jsonb_strip_nulls(fact || jsonb_build_object('description', p.description, 'owner', p.owner, 'email', p.email, 'since', coalesce(
            CASE fact ->> 'kind' WHEN 'STARTED' THEN r.started_at WHEN 'LATE' THEN due_at(r) ELSE r.finished_at END, now_is),
        'execution_arn', coalesce(fact ->> 'execution_arn', r.execution_arn), 'cause', left(fact ->> 'cause', 1500),
        'timezone', (SELECT timezone FROM data_product_schedule WHERE product_id = r.product_id), 'due_at', due_at(r),
        'job', (SELECT named_job(j) || jsonb_build_object('step', j.step, 'error', coalesce(j.error, job_error(j.state)), 'message', left(j.message, 500))
            FROM job_run j WHERE j.run_id = r.run_id AND j.attempt = (fact ->> 'attempt')::integer AND j.state NOT IN ('STARTED', 'SUCCEEDED') AND fact ->> 'kind' = 'ERROR'
                AND (fact ->> 'step' IS NULL OR j.step = fact ->> 'step') ORDER BY j.ended_at DESC LIMIT 1),
        'root_causes', CASE WHEN fact ->> 'kind' = 'LATE' AND r.status = 'WAITING' AND r.released_at IS NULL OR fact ->> 'error' IN ('DeadlineExceeded', 'UpstreamFailed') THEN (
            SELECT jsonb_agg(root || jsonb_build_object('upstream', upstream_state(root ->> 'product',
                coalesce((root ->> 'business_date')::date, r.business_date), now_is)))
            FROM (SELECT root FROM jsonb_array_elements(root_causes(r.product_id, r.business_date, r.cycle, now_is)) root LIMIT 5) first) END,
        'waiting', (SELECT jsonb_build_object('count', count(*), 'products', jsonb_agg(w.product_id ORDER BY w.product_id) FILTER (WHERE w.number <= 10),
                'first_due', min(w.due || '|' || w.product_id))
            FROM (SELECT d.product_id, row_number() OVER (ORDER BY d.product_id) AS number, to_char(d.due AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS due
                FROM waiting_for(r.product_id, r.business_date) d) w HAVING count(*) > 0)))
    FROM data_product p WHERE p.product_id = r.product_id
$$;

CREATE OR REPLACE FUNCTION begin_delivery(of_alert text, to_channel text, to_target text, now_is timestamptz) RETURNS boolean
LANGUAGE sql AS $$
-- Marks a delivery as being sent; false if somebody else has it.
    WITH begun AS (
        UPDATE alert_delivery SET state = 'SENDING', tries = tries + 1, changed_at = now_is
        WHERE (alert_key, channel, target) = (of_alert, to_channel, to_target)
            AND (state = 'DUE' OR state = 'UNKNOWN' AND channel = 'slack')
        RETURNING 1
    )
    SELECT count(*) = 1 FROM begun
$$;

CREATE OR REPLACE FUNCTION finish_deliveries(results jsonb, now_is timestamptz) RETURNS integer
LANGUAGE sql AS $$
-- [{alert_key, channel, target, state, outcome, message_id}]: SENT, DUE again, or UNKNOWN.
    WITH finished AS (
        UPDATE alert_delivery d SET state = r.state, outcome = left(r.outcome, 1000), message_id = coalesce(r.message_id, d.message_id), changed_at = now_is
        FROM jsonb_to_recordset(results) AS r(alert_key text, channel text, target text, state text, outcome text, message_id text)
        WHERE (d.alert_key, d.channel, d.target) = (r.alert_key, r.channel, r.target) AND d.state = 'SENDING'
        RETURNING 1
    )
    SELECT count(*)::integer FROM finished
$$;
