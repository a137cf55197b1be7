-- What became of the alerts of a date.

CREATE OR REPLACE FUNCTION alerts_of_day(on_date date, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The deliveries of the alerts about a business date, by product, at most `page` after the one whose key is `after`: what was sent to whom, what is due or
-- kept back, what is in doubt, and what was not sent and why. Of a URL the host alone: the rest may be a secret.
    SELECT p.* FROM (
        SELECT jsonb_agg(entry ORDER BY key) AS entries FROM (
            SELECT key, jsonb_strip_nulls(jsonb_build_object('key', key, 'product', a.product_id, 'kind', a.kind, 'step', a.fact ->> 'step',
                'cycle', nullif(a.fact ->> 'cycle', ''), 'attempt', a.attempt, 'cause', d.cause, 'root', a.root_cause, 'channel', d.channel, 'target', regexp_replace(d.target, '^https://([^/?#]*).*', '\1'),
                'state', d.state, 'action', d.action, 'severity', d.severity, 'tries', d.tries, 'outcome', cut_text(d.outcome, 500),
                'kept_until', CASE d.state WHEN 'DUE' THEN d.not_before END, 'at', d.changed_at, 'conversation', c.state, 'covers', nullif(c.covered, 0))) AS entry
            FROM (SELECT product_id FROM data_product UNION ALL SELECT bucket_id FROM landing_bucket) p
            CROSS JOIN LATERAL (SELECT * FROM alert o WHERE o.product_id = p.product_id AND o.fact ->> 'business_date' = on_date::text OFFSET 0) a
            CROSS JOIN LATERAL (SELECT * FROM alert_delivery o WHERE o.alert_key = a.alert_key OFFSET 0) d
            CROSS JOIN LATERAL (SELECT concat_ws(' ', a.product_id, a.alert_key, d.channel, md5(d.target)) COLLATE "C" AS key) named
            LEFT JOIN LATERAL (SELECT * FROM alert_conversation o WHERE o.cause = d.cause AND o.channel = d.channel AND o.target = d.target OFFSET 0) c ON true
            WHERE key > after ORDER BY key LIMIT page) rows
    ) all_rows CROSS JOIN LATERAL page_of(all_rows.entries) p
$$;

CREATE OR REPLACE FUNCTION mutes(now_is timestamptz) RETURNS jsonb LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What is muted now, [{muted, until, reason, by}].
    SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('muted', m.muted, 'until', m.until, 'reason', m.reason, 'by', m.changed_by)) ORDER BY m.muted), '[]')
    FROM alert_mute m WHERE m.until > now_is
$$;
