-- What became of alerts.

CREATE OR REPLACE FUNCTION suppressed_by(d alert_delivery) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- What keeps a delivery back, or has: mute, maintenance, quiet hours, or the conversation in which the recipient was notified of it already. Null if nothing does.
    SELECT CASE WHEN d.state <> 'SUPPRESSED' AND (d.state <> 'DUE' OR d.not_before IS NULL) THEN NULL WHEN d.outcome LIKE 'muted by %' THEN 'mute'
        WHEN d.outcome LIKE 'maintenance%' THEN 'maintenance' WHEN d.outcome LIKE 'quiet hours%' THEN 'quiet hours' ELSE 'conversation' END
$$;

CREATE OR REPLACE FUNCTION alerts_page(product text, of_domain text, first date, last date, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The deliveries of the alerts about these business dates, of a product, of a domain or of all: the latest date first, then by product, at most `page` after the one whose
-- key is `after`: what was sent to whom, what is due or kept back, what is in doubt, and what was not sent and why. Of a URL the host alone: the rest may be a secret.
    SELECT p.* FROM (
        SELECT jsonb_agg(entry ORDER BY key) AS entries FROM (
            SELECT key, jsonb_strip_nulls(jsonb_build_object('key', key, 'product', a.product_id, 'business_date', a.fact ->> 'business_date', 'kind', a.kind,
                'step', a.fact ->> 'step', 'cycle', nullif(a.fact ->> 'cycle', ''), 'attempt', a.attempt, 'cause', d.cause, 'root', a.root_cause, 'channel', d.channel,
                'target', regexp_replace(d.target, '^https://([^/?#]*).*', '\1'), 'state', d.state, 'suppressed_by', suppressed_by((d.delivery)), 'action', d.action,
                'severity', d.severity, 'tries', d.tries, 'outcome', cut_text(d.outcome, 500),
                'kept_until', CASE d.state WHEN 'DUE' THEN d.not_before END, 'at', d.changed_at, 'conversation', c.state, 'covers', nullif(c.covered, 0))) AS entry
            FROM (
                SELECT o.product_id FROM data_product o WHERE alerts_page.product IS NULL AND (of_domain IS NULL OR o.domain = of_domain)
                UNION ALL
                SELECT b.bucket_id FROM landing_bucket b WHERE alerts_page.product IS NULL AND of_domain IS NULL
                UNION ALL
                SELECT alerts_page.product WHERE alerts_page.product IS NOT NULL) named
            CROSS JOIN LATERAL (SELECT * FROM alert o WHERE o.product_id = named.product_id
                AND o.fact ->> 'business_date' BETWEEN first::text AND last::text OFFSET 0) a
            CROSS JOIN LATERAL (SELECT o.*, o AS delivery FROM alert_delivery o WHERE o.alert_key = a.alert_key OFFSET 0) d
            CROSS JOIN LATERAL (SELECT concat_ws(' ', lpad((100000 - ((a.fact ->> 'business_date')::date - '2000-01-01'::date))::text, 6, '0'), a.product_id, a.alert_key, d.channel,
                md5(d.target)) COLLATE "C" AS key) place
            LEFT JOIN LATERAL (SELECT * FROM alert_conversation o WHERE o.cause = d.cause AND o.channel = d.channel AND o.target = d.target OFFSET 0) c ON true
            WHERE key > after ORDER BY key LIMIT page) rows
    ) all_rows CROSS JOIN LATERAL page_of(all_rows.entries) p
$$;

CREATE OR REPLACE FUNCTION alerts_of_day(on_date date, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE AS $$
-- As functions of the release before ask.
    SELECT * FROM alerts_page(NULL, NULL, on_date, on_date, after, page)
$$;

CREATE OR REPLACE FUNCTION mutes(now_is timestamptz) RETURNS jsonb LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What is muted now, [{muted, until, reason, by}].
    SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('muted', m.muted, 'until', m.until, 'reason', m.reason, 'by', m.changed_by)) ORDER BY m.muted), '[]')
    FROM alert_mute m WHERE m.until > now_is
$$;
