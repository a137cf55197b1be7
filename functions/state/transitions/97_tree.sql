-- The inputs of a run by the leaves of its condition, for the question `why`. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION asked_run(product text, on_date date, of_cycle text) RETURNS SETOF data_product_status
LANGUAGE sql STABLE AS $$
-- The run of that cycle, or the last of the date.
    SELECT * FROM runs_of_date(product, on_date) r WHERE of_cycle IS NULL OR r.cycle = of_cycle ORDER BY r.cycle DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION leaf_entry(d data_product_dependencies_events_status, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- {leaf, product, business_date, cycle, status, state, ...}. `state` is arrived, with `at` and its `event`; waived, with `at`, `by` and `reason`; missing, with
-- `expected_at`; or impossible: an event `event` says that it does not come.
    SELECT jsonb_strip_nulls(named_input(d.upstream, d.required_date, d.cycle) || jsonb_build_object('leaf', d.leaf, 'status', d.statuses,
        'not_before', d.not_before, 'state', CASE WHEN d.waived_at IS NOT NULL THEN 'waived' WHEN d.status = 'ARRIVED' THEN 'arrived'
            WHEN ruled_out.event_key IS NOT NULL THEN 'impossible' ELSE 'missing' END,
        'at', coalesce(d.waived_at, d.arrived_at, ruled_out.received_at), 'by', d.waived_by, 'reason', cut_text(d.waive_reason, 500),
        'expected_at', CASE WHEN d.status = 'WAITING' AND ruled_out.event_key IS NULL THEN usually_at(d.upstream, coalesce(d.required_date, (now_is AT TIME ZONE 'UTC')::date)) END,
        'event', CASE WHEN e.event_key IS NOT NULL THEN jsonb_build_object('status', e.status, 'business_date', e.business_date, 'cycle', nullif(e.cycle, ''),
            'attempt', e.attempt, 'account', e.account, 'refreshed_at', e.refreshed_at,
            'signal', signalled_by(e.metadata)) END))
    FROM (SELECT 1) one
    LEFT JOIN LATERAL (SELECT * FROM events_that_rule_out(d) o WHERE d.status = 'WAITING' ORDER BY o.received_at DESC LIMIT 1) ruled_out ON true
    LEFT JOIN LATERAL (SELECT * FROM refresh_event f WHERE f.event_key = coalesce(d.event_key, ruled_out.event_key) OFFSET 0) e ON true
$$;

CREATE OR REPLACE FUNCTION inputs_before_opening(product text, on_date date, now_is timestamptz) RETURNS SETOF data_product_dependencies_events_status
LANGUAGE sql STABLE AS $$
-- What a run would wait for if it were opened now, and what of it has arrived, as rows of a run.
    SELECT (jsonb_populate_record(NULL::data_product_dependencies_events_status, to_jsonb(i) || jsonb_build_object('not_before', age.not_before,
        'status', CASE WHEN a.event_key IS NULL THEN 'WAITING' ELSE 'ARRIVED' END, 'event_key', a.event_key, 'arrived_at', a.received_at))).*
    FROM inputs_of(product, on_date, NULL) i
    CROSS JOIN LATERAL (SELECT now_is - make_interval(secs => i.max_age_seconds) AS not_before OFFSET 0) age
    LEFT JOIN LATERAL arrival_for(i.upstream, i.statuses, i.account, i.required_date, age.not_before, i.cycle) a ON true
$$;

CREATE OR REPLACE FUNCTION leaves_of_run(product text, on_date date, of_cycle text, after text, page integer, now_is timestamptz)
RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The inputs of a run, or of the one that is not opened yet, by leaf and cycle: at most `page` after the one whose key is `after` (`leaf_entry`).
    SELECT p.* FROM page_of((SELECT jsonb_agg(leaf_entry(rows.input, now_is) || jsonb_build_object('key', rows.key) ORDER BY rows.key) FROM (
        SELECT input, concat_ws(' ', numbered((input).leaf), (input).cycle) COLLATE "C" AS key FROM (
            SELECT d AS input FROM asked_run(product, on_date, of_cycle) r CROSS JOIN LATERAL inputs_of_run(r.run_id) d
            UNION ALL
            SELECT d FROM inputs_before_opening(product, on_date, now_is) d WHERE NOT EXISTS (SELECT FROM asked_run(product, on_date, of_cycle))) inputs
        WHERE concat_ws(' ', numbered((input).leaf), (input).cycle) COLLATE "C" > after
        ORDER BY key LIMIT page) rows)) p
$$;

CREATE OR REPLACE FUNCTION condition_of(product text, on_date date, of_cycle text) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The tree of numbered leaves that the product's runs wait for; null without one, and where the run has others than the metadata of today has: it was
-- released before that changed.
    SELECT p.condition FROM data_product p
    LEFT JOIN LATERAL asked_run(product, on_date, of_cycle) r ON true
    WHERE p.product_id = product AND (r.run_id IS NULL OR NOT EXISTS (
        (SELECT d.leaf, d.upstream FROM data_product_dependencies d WHERE d.product_id = product
            EXCEPT SELECT i.leaf, i.upstream FROM inputs_of_run(r.run_id) i)
        UNION ALL
        (SELECT i.leaf, i.upstream FROM inputs_of_run(r.run_id) i
            EXCEPT SELECT d.leaf, d.upstream FROM data_product_dependencies d WHERE d.product_id = product)))
$$;
