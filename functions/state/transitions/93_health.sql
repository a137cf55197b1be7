-- The question `health`: how the outbox stands, and which products have errors. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION outbox_health(
    now_is timestamptz, OUT due integer, OUT oldest_due timestamptz, OUT failing integer, OUT last_failure text, OUT parked integer
)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- How many effects should have been performed by now and have not, and since when the oldest should; how many of them a try has failed of, and
-- why the one that fails longest; how many are parked.
    SELECT count(*)::integer, min(coalesce(e.failing_since, e.due_at)), count(e.failing_since)::integer,
        (array_agg(cut_text(e.outcome, 1000) ORDER BY e.failing_since) FILTER (WHERE e.failing_since IS NOT NULL))[1],
        (SELECT count(*)::integer FROM effect p WHERE is_parked(p))
    FROM effect e
    WHERE is_open(e) AND (e.due_at <= now_is OR e.failing_since IS NOT NULL)
$$;

CREATE OR REPLACE FUNCTION last_ticks() RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- {scheduler, monitor}: when each was called last; one that never was is absent.
    SELECT coalesce(jsonb_object_agg(t.of_function, t.began_at), '{}') FROM last_tick t
$$;

CREATE OR REPLACE FUNCTION failing_effect(e effect, r data_product_status) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('effect', e.effect_id, 'kind', e.kind, 'product', r.product_id, 'business_date', r.business_date,
        'cycle', nullif(r.cycle, ''), 'attempt', e.attempt, 'tries', e.tries, 'failing_since', e.failing_since, 'parked_at', e.parked_at,
        'reason', cut_text(e.outcome, 500)))
$$;

CREATE OR REPLACE FUNCTION parked_effects(after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What is parked, the oldest first: at most `page` after the one whose key is `after`, as many as fit into an answer.
    SELECT p.* FROM page_of((SELECT jsonb_agg(entry ORDER BY effect_id) FROM (
        SELECT e.effect_id, jsonb_build_object('key', e.effect_id::text) || failing_effect(e, r) AS entry
        FROM effect e LEFT JOIN LATERAL (SELECT * FROM data_product_status r WHERE r.run_id = e.run_id OFFSET 0) r ON true
        WHERE is_parked(e) AND e.effect_id > coalesce(nullif(after, '')::bigint, 0)
        ORDER BY e.effect_id LIMIT page) first)) p
$$;

CREATE OR REPLACE FUNCTION failing_effects_of(r data_product_status) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The effects of a run that were tried and are not done, at most ten; null without one.
    SELECT jsonb_agg(failing_effect(e, r) ORDER BY e.effect_id)
    FROM (SELECT * FROM effect e WHERE e.run_id = r.run_id AND e.done_at IS NULL AND e.failing_since IS NOT NULL ORDER BY effect_id LIMIT 10) e
$$;

CREATE OR REPLACE FUNCTION products_with_errors(after text, page integer, now_is timestamptz) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The products that the last load refused, those whose runs could not be opened, and those of which the scheduler has passed over openings within 30
-- days that nobody has made since: at most `page` after the one whose key is `after`.
    SELECT product_id, jsonb_strip_nulls(jsonb_build_object('product', product_id, 'not_loaded', refused.reason, 'not_opened', p.opening_error,
        'passed_over', CASE WHEN o.count > 0 THEN jsonb_build_object('count', o.count, 'first', o.first, 'last', o.last) END))::text
    FROM (
        SELECT each ->> 'product' AS product_id, each ->> 'reason' AS reason
        FROM (SELECT refused FROM catalog_load ORDER BY load_id DESC LIMIT 1) last CROSS JOIN LATERAL jsonb_array_elements(last.refused) each) refused
    FULL JOIN (SELECT product_id, opening_error FROM data_product WHERE active AND opening_error IS NOT NULL) p USING (product_id)
    FULL JOIN (SELECT product AS product_id, count, first, last FROM passed_over(now_is - interval '30 days')) o USING (product_id)
    WHERE product_id COLLATE "C" > after ORDER BY product_id COLLATE "C" LIMIT page
$$;

CREATE OR REPLACE FUNCTION unused_signals(now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- Signals of the last week that refreshed nothing, those that were refused first, then the latest: at most fifty.
    SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('key', concat_ws(' ', u.kind, u.subject, u.product_id, u.refused), 'kind', u.kind, 'subject', replace(u.subject, E'\n', ' '),
        'product', nullif(u.product_id, ''), 'refused', u.refused, 'reason', cut_text(u.reason, 500), 'example', u.example, 'first_at', u.first_at, 'last_at', u.last_at))
        ORDER BY u.refused DESC, u.last_at DESC, u.kind, u.subject, u.product_id), '[]')
    FROM (SELECT * FROM unused_signal s WHERE s.last_at > now_is - interval '7 days' ORDER BY s.refused DESC, s.last_at DESC, s.kind, s.subject, s.product_id LIMIT 50) u
$$;
