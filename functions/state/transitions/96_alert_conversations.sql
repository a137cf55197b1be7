-- Conversations: everything that one recipient is sent about one cause. What is sent next follows from what was sent, and not from what was to be sent.

CREATE OR REPLACE FUNCTION is_trouble(a alert) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- What somebody has to do something about, so that a conversation is opened. Of files that is all but what `informs`.
    SELECT a.kind IN ('ERROR', 'LATE', 'AT_RISK') OR a.kind = 'FILES' AND NOT a.fact ? 'informs'
$$;

CREATE OR REPLACE FUNCTION is_of_step(a alert) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT a.fact ->> 'level' = 'step'
$$;

CREATE OR REPLACE FUNCTION open_troubles(of_cause text, to_channel text, to_target text) RETURNS SETOF alert
LANGUAGE sql STABLE AS $$
-- What the conversation is about now: the latest alert of each run that has not recovered.
    SELECT DISTINCT ON (a.run_id) a.* FROM alert a
    WHERE a.cause = of_cause AND a.over_at IS NULL AND is_trouble(a)
        AND EXISTS (SELECT FROM alert_delivery d WHERE d.alert_key = a.alert_key AND d.channel = to_channel AND d.target = to_target OFFSET 0)
    ORDER BY a.run_id, a.notified_at DESC
$$;

CREATE OR REPLACE FUNCTION alert_again(a alert, about text, due_at timestamptz) RETURNS void LANGUAGE sql AS $$
-- The fact of the alert is put on the topic once more, for what there is to say of it then; once for each `about`.
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT concat_ws(' ', 'alert again', md5(a.alert_key || about)), 'alert', a.run_id, a.attempt, a.fact, alert_again.due_at
    ON CONFLICT (effect_key) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION update_later(of_cause text, now_is timestamptz) RETURNS void LANGUAGE sql AS $$
-- The open conversations about the cause are looked through in half a minute or more after their last message: however many runs come and go
-- meanwhile, that is one message to each.
    SELECT alert_again(a, concat_ws(' ', c.channel, c.target, c.notified_at), greatest(now_is, c.notified_at + interval '30 seconds'))
    FROM alert_conversation c JOIN alert a ON a.alert_key = c.opening WHERE c.cause = of_cause AND c.state = 'OPEN'
$$;

CREATE OR REPLACE FUNCTION end_troubles(runs uuid[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- The runs have ended without trouble: recipients who were notified of their trouble are notified of that as well, asked for or not.
BEGIN
    IF cardinality(runs) = 0 THEN
        RETURN;
    END IF;
    UPDATE alert a SET over_at = r.changed_at FROM data_product_status r
    WHERE a.run_id = ANY (runs) AND r.run_id = a.run_id AND is_trouble(a) AND a.over_at IS NULL
        AND (a.kind <> 'FILES' OR r.outdated_at IS NULL);  -- of files that were corrected it is over when they have been used
    PERFORM end_notices(notices_of_ended(runs), (SELECT max(r.changed_at) FROM data_product_status r WHERE r.run_id = ANY (runs)));
    PERFORM store_alert_effect(r, CASE r.status WHEN 'COMPLETED' THEN 'COMPLETED' ELSE 'SKIPPED' END,
        CASE r.status WHEN 'COMPLETED' THEN '{}' ELSE jsonb_strip_nulls(jsonb_build_object('status', r.status, 'cause', r.cause)) END, r.changed_at)
    FROM unnest(runs) ended(run) CROSS JOIN LATERAL run_of(ended.run) r
    WHERE EXISTS (SELECT FROM unresolved_conversations(r.run_id));
END $$;

CREATE OR REPLACE FUNCTION unresolved_conversations(run uuid) RETURNS SETOF alert_conversation LANGUAGE sql STABLE AS $$
-- The conversations in which the run's trouble has been, or is being, spoken of.
    SELECT c.* FROM (SELECT DISTINCT a.cause FROM alert a WHERE a.run_id = run AND is_trouble(a)) spoken
    CROSS JOIN LATERAL (SELECT * FROM alert_conversation c WHERE c.cause = spoken.cause AND c.state IS DISTINCT FROM 'RESOLVED' OFFSET 0) c
    WHERE EXISTS (SELECT FROM alert a JOIN alert_delivery d USING (alert_key)
        WHERE a.run_id = run AND a.cause = c.cause AND d.channel = c.channel AND d.target = c.target OFFSET 0)
$$;

CREATE OR REPLACE FUNCTION conversation_of(of_cause text, to_channel text, to_target text, channels jsonb, now_is timestamptz) RETURNS alert_conversation
LANGUAGE sql AS $$
-- The conversation, made if there was none.
    INSERT INTO alert_conversation (cause, channel, target, pages, updates, changed_at)
    SELECT of_cause, to_channel, to_target, coalesce(p.pages, false), coalesce(p.updates, false), now_is
    FROM (SELECT 1) one LEFT JOIN jsonb_to_recordset(channels) p(channel text, pages boolean, updates boolean) ON p.channel = to_channel
    ON CONFLICT (cause, channel, target) DO UPDATE SET pages = excluded.pages, updates = excluded.updates
    RETURNING *
$$;

CREATE OR REPLACE FUNCTION is_busy(c alert_conversation, but_for text, now_is timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- Whether a sender is sending the recipient something else that decides what comes next.
    SELECT coalesce(c.busy_until > now_is AND c.busy_with <> but_for, false)
$$;

CREATE OR REPLACE FUNCTION reminder_due(c alert_conversation, p data_product, now_is timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(c.state = 'OPEN' AND c.reminders < coalesce((p.alerting #>> '{remind,most}')::integer, 3)
        AND coalesce(c.reminded_at, c.opened_at) + make_interval(secs => (p.alerting #>> '{remind,after}')::integer) <= now_is, false)
$$;

CREATE OR REPLACE FUNCTION action_of_trouble(a alert, r data_product_status, c alert_conversation, now_is timestamptz, OUT action text, OUT kept_back text, OUT wait boolean)
LANGUAGE plpgsql STABLE AS $$
-- What a failure or a delay is to the recipient: an action, or the reason why nothing is sent. A failure of the cause itself is always sent. What goes
-- back to another cause is sent once for that cause; as soon as one page about it was sent, nobody else is paged.
DECLARE
    own boolean := a.cause = own_cause(r) OR a.kind = 'FILES';
    opened_by alert;
    notified text := 'notified already, because of ' || coalesce(a.root_cause, r.product_id);
BEGIN
    wait := false;
    IF a.over_at IS NOT NULL AND (a.fact ->> 'about' = 'landing' OR a.kind = 'AT_RISK') THEN
        kept_back := 'it was over before it was sent';
    ELSIF a.over_at IS NOT NULL THEN
        action := 'inform';
    ELSIF c.state = 'OPEN' THEN
        SELECT * INTO opened_by FROM alert WHERE alert_key = c.opening;
        IF opened_by.kind = 'AT_RISK' AND a.kind <> 'AT_RISK' THEN  -- what was feared has come
            action := 'reopen';
        ELSIF NOT own THEN
            kept_back := notified;
        ELSIF a.kind IN ('FILES', 'AT_RISK') OR a.kind = 'LATE' AND opened_by.kind <> 'FILES' OR is_of_step(a) OR opened_by.run_id = a.run_id AND opened_by.kind = 'ERROR' AND opened_by.attempt > a.attempt THEN
            action := 'inform';
        ELSIF opened_by.run_id = a.run_id AND opened_by.kind = 'ERROR' AND opened_by.attempt = a.attempt THEN  -- of its step
            action := CASE WHEN c.updates THEN 'update' ELSE 'inform' END;
        ELSE
            action := 'reopen';
        END IF;
    ELSE
        action := CASE c.state WHEN 'RESOLVED' THEN 'reopen' ELSE 'open' END;
        IF c.pages AND NOT own THEN
            SELECT bool_or(coalesce(is_busy(o, a.alert_key, now_is), false)), CASE WHEN bool_or(o.state = 'OPEN' AND o.opening <> a.alert_key
                AND (a.kind = 'AT_RISK' OR NOT EXISTS (SELECT FROM alert b WHERE b.alert_key = o.opening AND b.kind = 'AT_RISK'))) THEN notified END
            INTO wait, kept_back FROM alert_conversation o
            WHERE o.cause = c.cause AND o.pages AND (o.channel, o.target) <> (c.channel, c.target);
            wait := coalesce(wait, false) AND kept_back IS NULL;
        END IF;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION next_action(
    a alert, r data_product_status, c alert_conversation, d alert_delivery, p data_product, now_is timestamptz,
    OUT action text, OUT kept_back text, OUT wait boolean, OUT covered integer, OUT files integer
)
LANGUAGE plpgsql STABLE AS $$
-- What is to be sent to the recipient now about the alert. `kept_back` says why nothing; `wait`: another sender is at it. `covered` are the runs in trouble
-- because of the cause, as far as the recipient is notified of them, and `files` the rejected files.
BEGIN
    wait := false;
    SELECT count(*), coalesce(sum((SELECT count(*) FROM landing_notice n CROSS JOIN LATERAL still_rejected(n) WHERE n.notice_id = t.run_id)), 0)
    INTO covered, files FROM open_troubles(c.cause, c.channel, c.target) t;
    IF d.not_before IS NOT NULL AND a.over_at IS NOT NULL THEN
        kept_back := 'it has recovered while alerts were kept back';
    ELSIF c.opening = a.alert_key AND c.state = 'OPEN' THEN  -- it was sent; has anything changed since?
        action := CASE WHEN covered = 0 THEN 'resolve' WHEN reminder_due(c, p, now_is) THEN 'reopen'
            WHEN c.updates AND (covered, files) <> (c.covered, c.files) THEN 'update' END;
        kept_back := CASE WHEN action IS NULL THEN 'delivered' END;
    ELSIF is_trouble(a) THEN
        SELECT t.* INTO action, kept_back, wait FROM action_of_trouble(a, r, c, now_is) t;
    ELSIF a.kind IN ('COMPLETED', 'SKIPPED') AND NOT is_of_step(a) AND c.state = 'OPEN' AND covered = 0 THEN
        action := 'resolve';
    ELSIF a.fact ->> 'about' = 'unmatched' AND unmatched_in(a.fact) -> 'unmatched' = '0' THEN
        kept_back := 'none of the files is unmatched any more';
    ELSIF d.severity IS NULL THEN
        kept_back := CASE c.state WHEN 'OPEN' THEN 'others have not recovered' ELSE 'nothing was sent of what has recovered' END;
    ELSE
        action := 'inform';
    END IF;
    IF action = 'inform' AND c.pages THEN
        action := NULL;
        kept_back := 'nobody is paged for that';
    END IF;
    wait := wait OR is_busy(c, a.alert_key, now_is) AND NOT (coalesce(action, '') = 'inform' AND c.first_message IS NOT NULL);
END $$;

CREATE OR REPLACE FUNCTION concerned_others(a alert, c alert_conversation) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether the conversation was about other runs as well.
    SELECT EXISTS (SELECT FROM alert o JOIN alert_delivery d USING (alert_key)
        WHERE o.cause = c.cause AND is_trouble(o) AND o.run_id <> a.run_id AND o.kind <> 'FILES' AND a.kind <> 'FILES' AND d.channel = c.channel AND d.target = c.target OFFSET 0)
$$;

CREATE OR REPLACE FUNCTION goes_back_to(a alert, now_is timestamptz) RETURNS TABLE (product_id text, due timestamptz) LANGUAGE sql STABLE AS $$
-- What else is kept waiting by the cause of an alert, notified or not: what waits for the product that it goes back to, or for any of the silent account, or
-- what the scheduler has not opened and is late.
    SELECT w.product_id, w.due
    FROM (SELECT CASE WHEN a.root_cause LIKE 'account %' THEN ARRAY(SELECT p.product_id FROM data_product p WHERE p.account = split_part(a.root_cause, ' ', 2) AND p.active)
        WHEN a.root_cause LIKE '%/%' THEN ARRAY[a.root_cause] END AS products) root
    CROSS JOIN LATERAL waiting_for(root.products, split_part(substr(a.cause, length(a.root_cause) + 2), ' ', 1)::date, now_is) w
    WHERE root.products IS NOT NULL
    UNION ALL
    SELECT u.product_id, u.due_at FROM unmade_opening u
    WHERE a.root_cause = 'the scheduler' AND u.late_at IS NOT NULL AND NOT EXISTS (SELECT FROM run_of(u.run_id))
        AND EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = u.product_id)
$$;

CREATE OR REPLACE FUNCTION covers_of(a alert, c alert_conversation, now_is timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- What else of the recipient goes back to the cause, as `worst_ten` says: what is in trouble, and what waits and may be. The first message says all of it, before it
-- is notified one by one: a recipient whose messages cannot be edited gets no other.
    SELECT worst_ten(jsonb_agg(others)) FROM (
        SELECT product_id, min(due) AS due FROM (
            SELECT t.product_id, coalesce(r.due_at, u.due_at) AS due
            FROM open_troubles(c.cause, c.channel, c.target) t
            LEFT JOIN LATERAL run_of(t.run_id) r ON true
            LEFT JOIN LATERAL (SELECT m.due_at FROM unmade_opening m WHERE m.run_id = t.run_id OFFSET 0) u ON true
            WHERE t.run_id <> a.run_id AND t.product_id <> a.product_id
            UNION ALL
            SELECT g.product_id, g.due FROM goes_back_to(a, now_is) g JOIN data_product p USING (product_id)
            WHERE g.product_id <> a.product_id
                AND EXISTS (SELECT FROM jsonb_array_elements(p.notify) n WHERE n -> 'on' ?| '{ERROR,LATE,AT_RISK}' AND n -> c.channel ? c.target)
        ) known GROUP BY product_id) others
$$;
