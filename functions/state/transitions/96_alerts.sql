-- Alerts: each fact once, each of its deliveries once.

CREATE OR REPLACE FUNCTION lock_alerts() RETURNS void LANGUAGE sql AS $$
-- Until the end of the transaction: alerts are taken one after the other.
    SELECT pg_advisory_xact_lock(7203)
$$;

CREATE OR REPLACE FUNCTION waits_unreleased(r data_product_status) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether the run waits for inputs, or for the first of them to open it.
    SELECT r.status = 'WAITING' AND r.released_at IS NULL
        OR r.status = 'NOT OPENED' AND NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = r.product_id)
$$;

CREATE OR REPLACE FUNCTION ended_by_missing_inputs(fact jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(fact ->> 'error' IN ('DeadlineExceeded', 'UpstreamFailed'), false)
$$;

CREATE OR REPLACE FUNCTION alert_root_cause(r data_product_status, fact jsonb, now_is timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
-- The product because of which the run failed or is late; null if it is the run itself. What the scheduler did not open has one cause together.
    SELECT CASE
        WHEN r.status = 'NOT OPENED' AND NOT waits_unreleased(r)
            THEN (SELECT 'the scheduler' FROM data_product p WHERE p.product_id = r.product_id AND p.opening_error IS NULL)
        WHEN fact ->> 'kind' = 'ERROR' AND ended_by_missing_inputs(fact) THEN failed_root(r, now_is)
        WHEN fact ->> 'kind' = 'LATE' AND waits_unreleased(r)
            THEN coalesce(failed_root(r, now_is), root_causes(r.product_id, r.business_date, r.cycle, now_is) -> 0 ->> 'product') END
$$;

CREATE OR REPLACE FUNCTION recipients_of(notify jsonb, fact jsonb, channels jsonb) RETURNS TABLE (channel text, target text, pages boolean)
LANGUAGE sql STABLE AS $$
-- Whom the product's metadata asks to notify of this fact.
    SELECT DISTINCT c.channel, t.target, c.pages
    FROM jsonb_array_elements(notify) entry
    CROSS JOIN jsonb_to_recordset(channels) c(channel text, pages boolean)
    CROSS JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(entry -> c.channel) WHEN 'array' THEN entry -> c.channel ELSE '[]' END) t(target)
    WHERE entry -> 'on' ? (fact ->> 'kind') AND (fact ->> 'level' = 'product' OR entry ->> 'level' = 'step')
$$;

CREATE OR REPLACE FUNCTION already_notified(root text, fact jsonb, to_channel text, to_target text, pages boolean) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether the recipient needs no alert of this fact because of an earlier one. The alert of a failure covers everything that fails because of
-- it, for every recipient. A run that is late because of it is reported as well, but pages nobody a second time.
    SELECT (fact ->> 'kind' = 'ERROR' OR pages) AND EXISTS (
        SELECT FROM (
            SELECT a.alert_key, true AS of_root FROM alert a
            WHERE a.product_id = root AND a.fact ->> 'business_date' = fact ->> 'business_date' AND a.kind = 'ERROR'
            UNION ALL
            SELECT a.alert_key, false FROM alert a
            WHERE a.root_cause = root AND a.fact ->> 'business_date' = fact ->> 'business_date' AND a.kind = fact ->> 'kind'
        ) earlier
        CROSS JOIN LATERAL (SELECT * FROM alert_delivery d WHERE d.alert_key = earlier.alert_key OFFSET 0) d
        WHERE d.state <> 'SUPPRESSED' AND ((d.channel, d.target) = (to_channel, to_target) OR of_root AND fact ->> 'kind' = 'ERROR'))
$$;

CREATE OR REPLACE FUNCTION delivery_of(of_alert text, to_channel text, to_target text) RETURNS SETOF alert_delivery
LANGUAGE sql STABLE AS $$
    SELECT * FROM alert_delivery d WHERE d.alert_key = of_alert AND d.channel = to_channel AND d.target = to_target OFFSET 0
$$;

CREATE OR REPLACE FUNCTION deliveries_due(of_alert text, channels jsonb) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The deliveries of an alert to make now: [{channel, target, doubtful, since, place, first, failed_before}]. One that may have been made is
-- `doubtful`, and due only where its channel can search for it. `first` is the run's first message to the recipient, `place` where messages to
-- the recipient are.
    SELECT jsonb_agg(jsonb_build_object('channel', s.channel, 'target', s.target, 'doubtful', doubtful,
        'since', extract(epoch FROM a.notified_at - interval '1 minute')::bigint::text,
        'place', CASE WHEN doubtful THEN (SELECT split_part(d.message_id, ' ', 1) FROM alert_delivery d
            WHERE d.channel = s.channel AND d.target = s.target AND d.message_id IS NOT NULL LIMIT 1) END,
        'first', (SELECT d.message_id FROM alert earlier CROSS JOIN LATERAL delivery_of(earlier.alert_key, s.channel, s.target) d
            WHERE earlier.run_id = a.run_id AND d.message_id IS NOT NULL ORDER BY earlier.notified_at, earlier.alert_key LIMIT 1),
        'failed_before', EXISTS (SELECT FROM alert earlier CROSS JOIN LATERAL delivery_of(earlier.alert_key, s.channel, s.target) d
            WHERE earlier.run_id = a.run_id AND earlier.kind IN ('ERROR', 'LATE') AND d.state = 'SENT' OFFSET 0))
        ORDER BY s.channel, s.target)
    FROM alert_delivery s JOIN alert a USING (alert_key)
    JOIN jsonb_to_recordset(channels) c(channel text, searches boolean) ON c.channel = s.channel
    CROSS JOIN LATERAL (SELECT s.state = 'UNKNOWN' AS doubtful) known
    WHERE s.alert_key = of_alert AND (s.state = 'DUE' OR doubtful AND c.searches)
$$;

CREATE OR REPLACE FUNCTION take_alert(
    given jsonb, channels jsonb, now_is timestamptz, OUT key text, OUT deliveries jsonb, OUT alert jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
-- Records the fact `given`, and gives its deliveries that are due and the content of the alert. `channels` says of each channel whether its
-- receiver recognizes a repetition, whether it searches for an earlier message, and whether it pages: [{channel, recognizes, searches, pages}].
-- A delivery whose sender died is due again where a repetition is recognized; else it is not known whether it was made, and it is not made twice.
DECLARE
    r data_product_status;
    root text;
BEGIN
    key := concat_ws(' ', given ->> 'kind', given ->> 'level', given ->> 'step', given ->> 'run_id', given ->> 'attempt');
    SELECT * INTO r FROM data_product_status WHERE run_id = (given ->> 'run_id')::uuid;
    IF NOT FOUND THEN
        SELECT o.* INTO r FROM unmade_opening u CROSS JOIN LATERAL unopened_run(u) o WHERE u.run_id = (given ->> 'run_id')::uuid;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'UnknownRun: no run has the id %', given ->> 'run_id';
    END IF;
    PERFORM lock_alerts();  -- two alerts of one root cause are not sent at the same time
    root := alert_root_cause(r, given, now_is);
    INSERT INTO alert (alert_key, run_id, product_id, attempt, kind, fact, root_cause, notified_at)
    VALUES (take_alert.key, r.run_id, r.product_id, (given ->> 'attempt')::integer, given ->> 'kind', given, root, now_is)
    ON CONFLICT (alert_key) DO NOTHING;
    INSERT INTO alert_delivery (alert_key, channel, target, state, outcome, changed_at)
    SELECT take_alert.key, who.channel, who.target, CASE WHEN covered THEN 'SUPPRESSED' ELSE 'DUE' END,
        CASE WHEN covered THEN 'notified already, because of ' || root END, now_is
    FROM data_product p
    CROSS JOIN LATERAL recipients_of(p.notify, given, channels) who
    CROSS JOIN LATERAL (SELECT already_notified(root, given, who.channel, who.target, who.pages) AS covered) earlier
    WHERE p.product_id = r.product_id
    ON CONFLICT (alert_key, channel, target) DO NOTHING;
    UPDATE alert_delivery d SET state = CASE WHEN c.recognizes THEN 'DUE' ELSE 'UNKNOWN' END,
        outcome = 'it is not known whether this was delivered', changed_at = now_is
    FROM jsonb_to_recordset(channels) c(channel text, recognizes boolean)
    WHERE d.alert_key = take_alert.key AND d.channel = c.channel AND d.state = 'SENDING' AND d.changed_at < now_is - interval '4 minutes';
    deliveries := coalesce(deliveries_due(take_alert.key, channels), '[]');
    alert := CASE WHEN deliveries <> '[]' THEN alert_content(r, given, now_is) END;
END $$;

CREATE OR REPLACE FUNCTION waiting_for(product text, on_date date, now_is timestamptz) RETURNS TABLE (product_id text, due timestamptz)
LANGUAGE sql STABLE AS $$
-- The products that wait for this refresh, directly or not, with when they are due: those with a run that waits, and those whose run would
-- be opened by the refresh that is missing. A product that waits for a failure is not kept waiting by one.
    WITH RECURSIVE affected(product_id, of_date) AS (
        SELECT product, on_date
        UNION
        SELECT waiter.product_id, waiter.of_date FROM affected a CROSS JOIN LATERAL (
            SELECT s.product_id, s.business_date AS of_date FROM awaiting(a.product_id, a.of_date, now_is) d
            CROSS JOIN LATERAL (SELECT * FROM data_product_status r WHERE r.run_id = d.run_id AND r.status = 'WAITING' OFFSET 0) s
            WHERE 'COMPLETED' = ANY (d.statuses)
            UNION ALL
            SELECT d.product_id, a.of_date FROM data_product_dependencies d JOIN data_product p USING (product_id)
            WHERE d.upstream = a.product_id AND 'COMPLETED' = ANY (d.statuses) AND d.offset_days = 0 AND p.active AND p.machine IS NOT NULL
                AND NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = d.product_id)
                AND NOT EXISTS (SELECT FROM runs_of_date(d.product_id, a.of_date))
        ) waiter
    )
    SELECT a.product_id, min(s.due_at) FROM affected a
    LEFT JOIN LATERAL runs_of_date(a.product_id, a.of_date) s ON s.status = 'WAITING'
    WHERE a.product_id <> product GROUP BY a.product_id
$$;

CREATE OR REPLACE FUNCTION failed_job(run uuid, of_attempt integer, of_step text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The latest job run of the attempt (and the step, if named) that did not succeed.
    SELECT named_job(j) || jsonb_build_object('step', j.step, 'error', coalesce(j.error, job_error(j.state)), 'message', cut_text(j.message, 600))
    FROM job_run j
    WHERE j.run_id = run AND j.attempt = of_attempt AND j.state NOT IN ('STARTED', 'SUCCEEDED') AND (of_step IS NULL OR j.step = of_step)
    ORDER BY j.ended_at DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION products_waiting(product text, on_date date, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- How many products wait for this refresh, the first ten of them, and the first SLA at risk as `<due>|<product>`; null if none waits.
    SELECT jsonb_build_object('count', count(*), 'products', jsonb_agg(w.product_id ORDER BY w.product_id) FILTER (WHERE w.number <= 10),
        'first_due', min(w.due || '|' || w.product_id))
    FROM (SELECT d.product_id, row_number() OVER (ORDER BY d.product_id) AS number, to_char(d.due AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS due
        FROM waiting_for(product, on_date, now_is) d) w
    HAVING count(*) > 0
$$;

CREATE OR REPLACE FUNCTION alert_content(r data_product_status, fact jsonb, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- What the reader of an alert needs first.
    SELECT jsonb_strip_nulls(fact || jsonb_build_object('description', p.description, 'owner', p.owner, 'email', p.email,
        'since', coalesce(CASE fact ->> 'kind' WHEN 'STARTED' THEN r.started_at WHEN 'LATE' THEN r.due_at WHEN 'OUTDATED' THEN r.outdated_at
            ELSE r.finished_at END, now_is),
        'execution_arn', coalesce(fact ->> 'execution_arn', r.execution_arn), 'cause', cut_text(fact ->> 'cause', 3000),
        'timezone', coalesce((SELECT timezone FROM data_product_schedule WHERE product_id = r.product_id), p.sla_timezone), 'due_at', r.due_at,
        'opening_error', CASE r.status WHEN 'NOT OPENED' THEN p.opening_error END,
        'opens_at', CASE r.status WHEN 'NOT OPENED' THEN opens_at(r.product_id, r.business_date) END,
        'job', CASE fact ->> 'kind' WHEN 'ERROR' THEN failed_job(r.run_id, (fact ->> 'attempt')::integer, fact ->> 'step') END,
        'root_causes', CASE WHEN ended_by_missing_inputs(fact) OR fact ->> 'kind' = 'LATE' AND waits_unreleased(r)
            THEN root_causes_with_state(r.product_id, r.business_date, r.cycle, 5, now_is) END,
        'waiting', products_waiting(r.product_id, r.business_date, now_is)))
    FROM data_product p WHERE p.product_id = r.product_id
$$;

CREATE OR REPLACE FUNCTION begin_delivery(of_alert text, to_channel text, to_target text, doubtful boolean, now_is timestamptz) RETURNS boolean
LANGUAGE sql SET enable_seqscan = off AS $$
-- Marks a delivery as being sent; false if it is not any more as it was given, since another sender has it.
    WITH begun AS (
        UPDATE alert_delivery SET state = 'SENDING', tries = tries + 1, changed_at = now_is
        WHERE (alert_key, channel, target) = (of_alert, to_channel, to_target) AND state = CASE WHEN doubtful THEN 'UNKNOWN' ELSE 'DUE' END
        RETURNING 1
    )
    SELECT count(*) = 1 FROM begun
$$;

CREATE OR REPLACE FUNCTION finish_deliveries(results jsonb, now_is timestamptz) RETURNS integer
LANGUAGE sql SET enable_seqscan = off AS $$
-- [{alert_key, channel, target, state, outcome, message_id}]: SENT, DUE again, or UNKNOWN. Gives how many were being sent.
    WITH finished AS (
        UPDATE alert_delivery d SET state = r.state, outcome = left(r.outcome, 1000), message_id = coalesce(r.message_id, d.message_id), changed_at = now_is
        FROM jsonb_to_recordset(results) AS r(alert_key text, channel text, target text, state text, outcome text, message_id text)
        WHERE d.alert_key = ANY (ARRAY(SELECT given ->> 'alert_key' FROM jsonb_array_elements(results) given))
            AND (d.alert_key, d.channel, d.target) = (r.alert_key, r.channel, r.target) AND d.state = 'SENDING'
        RETURNING 1
    )
    SELECT count(*)::integer FROM finished
$$;
