-- Alerts: each fact once, each of its deliveries once.

CREATE OR REPLACE FUNCTION lock_alerts() RETURNS void LANGUAGE sql AS $$
-- Until the end of the transaction: alerts are taken one after the other.
    SELECT pg_advisory_xact_lock(7203)
$$;

CREATE OR REPLACE FUNCTION default_severity(kind text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE kind WHEN 'ERROR' THEN 2 WHEN 'LATE' THEN 3 WHEN 'FILES' THEN 3 ELSE 4 END
$$;

CREATE OR REPLACE FUNCTION targets_in(entry jsonb, channel text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
-- The targets of a channel in an entry of `notify`. A catalog of the release before has an object under `incident`.
    SELECT jsonb_array_elements_text(CASE jsonb_typeof(entry -> channel) WHEN 'array' THEN entry -> channel ELSE '[]' END)
$$;

CREATE OR REPLACE FUNCTION recipients_of(notify jsonb, fact jsonb, channels jsonb) RETURNS TABLE (channel text, target text, severity integer)
LANGUAGE sql STABLE AS $$
-- Whom the product's metadata asks to notify of this fact; a cancelled run is no skipped one. Who is notified of FILES because of ERROR hears of a failure once.
    SELECT c.channel, t.target, min(coalesce((entry -> 'severities' ->> (fact ->> 'kind'))::integer, default_severity(fact ->> 'kind')))
    FROM jsonb_array_elements(notify) entry
    CROSS JOIN jsonb_to_recordset(channels) c(channel text)
    CROSS JOIN LATERAL targets_in(entry, c.channel) t(target)
    WHERE entry -> 'on' ? (fact ->> 'kind') AND (fact ->> 'level' = 'product' OR entry ->> 'level' = 'step')
        AND NOT coalesce(fact ->> 'status' = 'CANCELLED' AND fact ->> 'kind' = 'SKIPPED', false)
        AND NOT (entry ? 'implied' AND fact ? 'ends')
    GROUP BY c.channel, t.target
$$;

CREATE OR REPLACE FUNCTION address_alert(a alert, r data_product_status, p data_product, channels jsonb, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- The deliveries of an alert that there are not yet: to whom the metadata asks for, and of an end to the recipients of the trouble before it. The latter
-- go on with that conversation; one that nobody asked for has no severity.
    INSERT INTO alert_delivery (alert_key, channel, target, cause, severity, state, changed_at)
    SELECT a.alert_key, coalesce(asked.channel, before.channel), coalesce(asked.target, before.target), coalesce(before.cause, a.cause), asked.severity, 'DUE', now_is
    FROM recipients_of(p.notify, a.fact, channels) asked
    FULL JOIN (
        SELECT DISTINCT ON (c.channel, c.target) c.* FROM unresolved_conversations(a.run_id) c
        WHERE a.kind IN ('COMPLETED', 'SKIPPED') AND NOT is_of_step(a) ORDER BY c.channel, c.target, c.state = 'OPEN' DESC NULLS LAST, c.cause = a.cause DESC
    ) before ON (before.channel, before.target) = (asked.channel, asked.target)
    ON CONFLICT (alert_key, channel, target) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION remind(a alert, p data_product, now_is timestamptz) RETURNS void LANGUAGE sql AS $$
-- Where a conversation that this alert opened is due for a reminder, the escalation targets are notified as well.
    INSERT INTO alert_delivery (alert_key, channel, target, cause, severity, state, about, changed_at)
    SELECT a.alert_key, e.channel, t.target, a.cause, default_severity(a.kind), 'DUE', '{"escalated": true}', now_is
    FROM jsonb_each(p.alerting #> '{remind,escalate}') e(channel, targets) CROSS JOIN LATERAL jsonb_array_elements_text(e.targets) t(target)
    WHERE EXISTS (SELECT FROM alert_conversation c WHERE c.cause = a.cause AND c.opening = a.alert_key AND reminder_due(c, p, now_is))
    ON CONFLICT (alert_key, channel, target) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION recover_lost_deliveries(of_alert text, channels jsonb, now_is timestamptz) RETURNS void LANGUAGE sql AS $$
-- A delivery whose sender died is due again where a repetition is recognized; else it is not known whether it was made, and it is not made twice.
    UPDATE alert_delivery d SET state = CASE WHEN c.recognizes THEN 'DUE' ELSE 'UNKNOWN' END,
        outcome = 'it is not known whether this was delivered', changed_at = now_is
    FROM jsonb_to_recordset(channels) c(channel text, recognizes boolean)
    WHERE d.alert_key = of_alert AND d.channel = c.channel AND d.state = 'SENDING' AND d.changed_at < now_is - interval '4 minutes'
$$;

CREATE OR REPLACE FUNCTION decide_deliveries(a alert, r data_product_status, p data_product, channels jsonb, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- Decides for each delivery that is due what is to be done, and whether at all. One that has to wait for another sender has no action.
DECLARE
    d alert_delivery;
    c alert_conversation;
    next record;
    hold record;
BEGIN
    FOR d IN
        SELECT e.* FROM alert_delivery e WHERE e.alert_key = a.alert_key AND (e.state = 'DUE' OR e.state = 'SENT' AND EXISTS (
            SELECT FROM alert_conversation o WHERE o.cause = e.cause AND o.channel = e.channel AND o.target = e.target AND o.opening = a.alert_key AND o.state = 'OPEN'))
        ORDER BY e.channel, e.target
    LOOP
        c := conversation_of(d.cause, d.channel, d.target, channels, now_is);
        SELECT * INTO next FROM next_action(a, r, c, d, p, now_is);
        SELECT * INTO hold FROM held_back(p, coalesce(d.severity, 4), now_is) WHERE next.action IN ('open', 'reopen', 'inform');
        IF next.kept_back IS NULL AND hold.until IS NOT NULL AND d.state = 'DUE' THEN
            UPDATE alert_delivery SET not_before = hold.until, action = NULL, outcome = hold.why,
                state = CASE WHEN next.action = 'inform' AND hold.why <> 'quiet hours' THEN 'SUPPRESSED' ELSE 'DUE' END, changed_at = now_is
            WHERE (alert_key, channel, target) = (d.alert_key, d.channel, d.target);
            PERFORM alert_again(a, 'held ' || hold.until, hold.until);
        ELSIF next.wait THEN
            UPDATE alert_delivery SET action = NULL, not_before = NULL WHERE (alert_key, channel, target) = (d.alert_key, d.channel, d.target) AND state = 'DUE';
        ELSIF next.kept_back IS NOT NULL THEN
            UPDATE alert_delivery SET state = 'SUPPRESSED', action = NULL, outcome = next.kept_back, changed_at = now_is
            WHERE (alert_key, channel, target) = (d.alert_key, d.channel, d.target) AND state = 'DUE';
            PERFORM update_later(d.cause, now_is) WHERE c.updates AND c.state = 'OPEN' AND (next.covered, next.files) <> (c.covered, c.files);
        ELSE
            UPDATE alert_delivery SET state = 'DUE', action = next.action, covered = next.covered, files = next.files, not_before = NULL,
                about = about - '{covers,kind,reminder,recovered,over,after}'::text[] || jsonb_strip_nulls(jsonb_build_object(
                    'covers', CASE WHEN next.action NOT IN ('inform', 'resolve') THEN covers_of(a, c, now_is) END,
                    'kind', CASE WHEN next.action = 'resolve' THEN CASE r.status WHEN 'COMPLETED' THEN 'COMPLETED' WHEN 'SKIPPED' THEN 'SKIPPED' WHEN 'CANCELLED' THEN 'SKIPPED' END END,
                    'after', CASE WHEN next.action = 'resolve' THEN (SELECT o.kind FROM alert o WHERE o.alert_key = c.opening AND o.kind = 'FILES') END,
                    'over', CASE WHEN next.action = 'resolve' AND a.kind = 'FILES' THEN r.status END,
                    'recovered', CASE WHEN next.action = 'resolve' AND concerned_others(a, c)
                        THEN (SELECT coalesce(o.root_cause, o.product_id) FROM alert o WHERE o.alert_key = c.opening) END,
                    'reminder', CASE WHEN c.opening = a.alert_key AND next.action = 'reopen' THEN jsonb_build_object('count', c.reminders + 1, 'since', c.opened_at) END))
            WHERE (alert_key, channel, target) = (d.alert_key, d.channel, d.target);
            UPDATE alert_conversation SET busy_with = a.alert_key, busy_until = now_is + interval '4 minutes'
            WHERE (cause, channel, target) = (d.cause, d.channel, d.target) AND (next.action <> 'inform' OR first_message IS NULL);
        END IF;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION deliveries_due(of_alert text, channels jsonb) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The deliveries of an alert to make now: [{channel, target, action, severity, conversation: {key, first, state}, doubtful, since, place, about}]. One
-- that may have been made is `doubtful`, and due only where its channel can search for it. `first` is the conversation's first message, `place` where
-- messages to the recipient are, `about` what the alert says to this recipient alone. Functions of the release before use the `first` beside
-- `conversation`, and `failed_before`.
    SELECT jsonb_agg(jsonb_build_object('channel', s.channel, 'target', s.target, 'action', s.action, 'severity', coalesce(s.severity, 4),
        'conversation', jsonb_build_object('key', s.cause, 'first', n.first_message, 'state', n.state),
        'doubtful', doubtful, 'since', extract(epoch FROM a.notified_at - interval '1 minute')::bigint::text,
        'place', CASE WHEN doubtful THEN (SELECT split_part(d.message_id, ' ', 1) FROM alert_delivery d
            WHERE d.channel = s.channel AND d.target = s.target AND d.message_id IS NOT NULL LIMIT 1) END,
        'first', n.first_message, 'failed_before', n.state IS NOT NULL, 'about', s.about) ORDER BY s.channel, s.target)
    FROM alert_delivery s JOIN alert a USING (alert_key)
    JOIN jsonb_to_recordset(channels) c(channel text, searches boolean) ON c.channel = s.channel
    CROSS JOIN LATERAL (SELECT s.state = 'UNKNOWN' AS doubtful) known
    LEFT JOIN LATERAL (SELECT * FROM alert_conversation o WHERE o.cause = s.cause AND o.channel = s.channel AND o.target = s.target OFFSET 0) n ON true
    WHERE s.alert_key = of_alert AND s.action IS NOT NULL AND (s.state = 'DUE' OR doubtful AND c.searches)
$$;

CREATE OR REPLACE FUNCTION undelivered(of_alert text, channels jsonb, OUT waiting integer, OUT in_doubt jsonb)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- How many deliveries of an alert wait for another sender, and those [{channel, target}] of which nobody can find out any more whether they were made.
    SELECT count(*) FILTER (WHERE d.state = 'DUE' AND d.action IS NULL AND d.not_before IS NULL),
        coalesce(jsonb_agg(jsonb_build_object('channel', d.channel, 'target', d.target)) FILTER (WHERE d.state = 'UNKNOWN' AND NOT coalesce(c.searches, false)), '[]')
    FROM (SELECT * FROM alert_delivery WHERE alert_key = of_alert OFFSET 0) d
    LEFT JOIN jsonb_to_recordset(channels) c(channel text, searches boolean) ON c.channel = d.channel
$$;

CREATE OR REPLACE FUNCTION key_of_fact(fact jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT concat_ws(' ', fact ->> 'kind', fact ->> 'level', fact ->> 'step', fact ->> 'run_id', fact ->> 'attempt', fact ->> 'part')
$$;

CREATE OR REPLACE FUNCTION send_again(given jsonb, channels jsonb, of_message text, actor text, now_is timestamptz) RETURNS integer
LANGUAGE sql SET enable_seqscan = off AS $$
-- The deliveries of the fact that are in doubt for good are due once more, since `actor` has asked for it by that message. Gives how many.
    WITH due AS (
        UPDATE alert_delivery d SET state = 'DUE', changed_at = now_is,
            about = d.about || jsonb_build_object('again', jsonb_build_object('message', of_message, 'by', actor))
        FROM jsonb_to_recordset(channels) c(channel text, searches boolean)
        WHERE d.alert_key = key_of_fact(given) AND d.state = 'UNKNOWN' AND c.channel = d.channel AND NOT c.searches
            AND d.about #>> '{again,message}' IS DISTINCT FROM of_message  -- it may be received more than once
        RETURNING 1
    )
    SELECT count(*)::integer FROM due
$$;

CREATE OR REPLACE FUNCTION take_alert(
    given jsonb, channels jsonb, now_is timestamptz, OUT key text, OUT deliveries jsonb, OUT alert jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
-- Records the fact `given`, and gives its deliveries that are due and the content of the alert. `channels` says of each channel whether its receiver
-- recognizes a repetition, whether it searches for an earlier message, whether it pages, and whether it edits what it has sent: [{channel,
-- recognizes, searches, pages, updates}].
DECLARE
    r data_product_status;
    p data_product;
    a alert;
    passed_causes integer;
BEGIN
    key := key_of_fact(given);
    SELECT * INTO r FROM data_product_status WHERE run_id = (given ->> 'run_id')::uuid FOR SHARE;  -- it does not end meanwhile
    IF NOT FOUND THEN
        SELECT o.* INTO r FROM unmade_opening u CROSS JOIN LATERAL unopened_run(u) o WHERE u.run_id = (given ->> 'run_id')::uuid;
    END IF;
    IF NOT FOUND THEN
        SELECT * INTO r FROM notice_as_run(given);
    END IF;
    IF r.run_id IS NULL THEN
        RAISE EXCEPTION 'UnknownRun: no run has the id %', given ->> 'run_id';
    END IF;
    PERFORM lock_alerts();  -- two alerts of one root cause are not sent at the same time
    SELECT * INTO p FROM notified_about(r.product_id);
    INSERT INTO alert (alert_key, run_id, product_id, attempt, kind, fact, cause, root_cause, over_at, notified_at)
    SELECT take_alert.key, r.run_id, r.product_id, (given ->> 'attempt')::integer, given ->> 'kind', given, c.cause, c.root,
        CASE WHEN is_over(r, given) THEN now_is END, now_is
    FROM cause_of(r, given, now_is) c
    WHERE NOT EXISTS (SELECT FROM alert o WHERE o.alert_key = take_alert.key)
    ON CONFLICT (alert_key) DO NOTHING;
    SELECT * INTO a FROM alert WHERE alert_key = take_alert.key;
    IF a.kind <> 'FILES' AND is_trouble(a) AND a.over_at IS NULL THEN
        WITH passed AS (
            UPDATE alert o SET over_at = now_is
            WHERE o.run_id = a.run_id AND o.over_at IS NULL AND o.kind <> 'FILES' AND is_trouble(o) AND o.cause <> a.cause AND o.notified_at <= a.notified_at RETURNING o.cause
        )
        SELECT count(update_later(cause, now_is)) INTO passed_causes FROM (SELECT DISTINCT cause FROM passed) causes;
    END IF;
    PERFORM address_alert(a, r, p, channels, now_is);
    PERFORM remind(a, p, now_is);
    PERFORM recover_lost_deliveries(take_alert.key, channels, now_is);
    PERFORM decide_deliveries(a, r, p, channels, now_is);
    deliveries := coalesce(deliveries_due(take_alert.key, channels), '[]');
    IF deliveries <> '[]' THEN
        alert := CASE a.kind WHEN 'FILES' THEN files_content(r, p, given, now_is) ELSE alert_content(r, given, now_is) END;
    END IF;
END $$;

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

CREATE OR REPLACE FUNCTION continue_conversation(d alert_delivery, now_is timestamptz) RETURNS void LANGUAGE sql AS $$
-- What was sent becomes the state of its conversation; what was not sent changes nothing of it.
    UPDATE alert_conversation c SET changed_at = now_is, busy_with = nullif(c.busy_with, d.alert_key),
        busy_until = CASE WHEN c.busy_with = d.alert_key THEN NULL ELSE c.busy_until END,
        state = CASE WHEN sent THEN CASE WHEN d.action IN ('open', 'reopen') THEN 'OPEN' WHEN d.action = 'resolve' THEN 'RESOLVED' ELSE c.state END ELSE c.state END,
        opening = CASE WHEN sent AND d.action IN ('open', 'reopen') THEN d.alert_key ELSE c.opening END,
        severity = CASE WHEN sent AND d.action IN ('open', 'reopen') THEN d.severity ELSE c.severity END,
        first_message = CASE WHEN sent THEN coalesce(c.first_message, d.message_id) ELSE c.first_message END,
        covered = CASE WHEN sent AND d.action <> 'inform' THEN d.covered ELSE c.covered END,
        files = CASE WHEN sent AND d.action <> 'inform' THEN coalesce(d.files, 0) ELSE c.files END,
        notified_at = CASE WHEN sent AND d.action IN ('open', 'reopen', 'update') THEN now_is ELSE c.notified_at END,
        opened_at = CASE WHEN sent AND d.action IN ('open', 'reopen') AND NOT d.about ? 'reminder' THEN now_is ELSE c.opened_at END,
        reminders = CASE WHEN sent AND d.about ? 'reminder' THEN c.reminders + 1 WHEN sent AND d.action IN ('open', 'reopen') THEN 0 ELSE c.reminders END,
        reminded_at = CASE WHEN sent AND d.about ? 'reminder' THEN now_is WHEN sent AND d.action IN ('open', 'reopen') THEN NULL ELSE c.reminded_at END,
        resolved_at = CASE WHEN sent AND d.action = 'resolve' THEN now_is ELSE c.resolved_at END
    FROM (SELECT d.state = 'SENT' AS sent) outcome
    WHERE c.cause = d.cause AND c.channel = d.channel AND c.target = d.target
$$;

CREATE OR REPLACE FUNCTION fall_back(d alert_delivery, now_is timestamptz) RETURNS void LANGUAGE sql AS $$
-- The recipient of the (refused) delivery cannot be reached: the owner's fallback, or else the owner's e-mail address, is notified in its place. A fallback
-- has none itself.
    INSERT INTO alert_delivery (alert_key, channel, target, cause, severity, state, about, changed_at)
    SELECT d.alert_key, f.channel, t.target, d.cause, coalesce(d.severity, 4), 'DUE',
        jsonb_build_object('unreachable', jsonb_build_object('channel', d.channel, 'target', d.target, 'reason', d.outcome)), now_is
    FROM alert a CROSS JOIN LATERAL notified_about(a.product_id) p
    CROSS JOIN LATERAL jsonb_each(coalesce(p.alerting -> 'fallback', jsonb_build_object('email', jsonb_build_array(p.email)))) f(channel, targets) CROSS JOIN LATERAL jsonb_array_elements_text(f.targets) t(target)
    WHERE a.alert_key = d.alert_key AND NOT d.about ? 'unreachable' AND t.target IS NOT NULL
    ON CONFLICT (alert_key, channel, target) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION remind_later(d alert_delivery, now_is timestamptz) RETURNS void LANGUAGE sql AS $$
    SELECT alert_again(a, 'reminder after ' || now_is, now_is + make_interval(secs => (p.alerting #>> '{remind,after}')::integer))
    FROM alert a CROSS JOIN LATERAL notified_about(a.product_id) p
    WHERE a.alert_key = d.alert_key AND d.action IN ('open', 'reopen') AND p.alerting #>> '{remind,after}' IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION finish_deliveries(results jsonb, now_is timestamptz) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- [{alert_key, channel, target, state, outcome, message_id, refused}]: SENT, DUE again, or UNKNOWN; `refused` where no repetition helps. Gives how many
-- were being sent.
DECLARE
    d alert_delivery;
    of_results jsonb;
    finished integer := 0;
BEGIN
    FOR of_results IN SELECT jsonb_array_elements(results) LOOP
        UPDATE alert_delivery SET state = of_results ->> 'state', outcome = left(of_results ->> 'outcome', 1000),
            message_id = coalesce(of_results ->> 'message_id', message_id), changed_at = now_is
        WHERE (alert_key, channel, target) = (of_results ->> 'alert_key', of_results ->> 'channel', of_results ->> 'target') AND state = 'SENDING'
        RETURNING * INTO d;
        CONTINUE WHEN NOT FOUND;
        finished := finished + 1;
        PERFORM continue_conversation(d, now_is);
        PERFORM remind_later(d, now_is) WHERE d.state = 'SENT';
        PERFORM fall_back(d, now_is) WHERE coalesce((of_results ->> 'refused')::boolean, false);
    END LOOP;
    RETURN finished;
END $$;
