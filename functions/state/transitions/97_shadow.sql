-- The question `shadow`: what Headgate would have done otherwise than the existing scheduler. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION first_arrival(d data_product_dependencies_events_status, until timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
-- When what the input waits for first happened; of the latest refresh of any date, whether one was young enough at the moment `until`. Null if it did not.
    SELECT CASE WHEN d.required_date IS NOT NULL THEN (
            SELECT min(e.refreshed_at) FROM refresh_event e WHERE e.product_id = d.upstream AND e.business_date = d.required_date
                AND fits_input(e, d.statuses, d.account, d.cycle))
        ELSE (SELECT min(e.refreshed_at) FROM refresh_event e WHERE e.product_id = d.upstream
                AND e.refreshed_at >= until - make_interval(secs => d.max_age_seconds)
                AND fits_input(e, d.statuses, d.account, d.cycle)) END
$$;

CREATE OR REPLACE FUNCTION data_before(d data_product_dependencies_events_status, until timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- What was there of the input at that moment instead, {business_date, refreshed_at}; null if there was nothing.
    SELECT jsonb_build_object('business_date', e.business_date, 'refreshed_at', e.refreshed_at)
    FROM (SELECT * FROM refresh_event o WHERE o.product_id = d.upstream AND o.refreshed_at <= until ORDER BY o.refreshed_at DESC LIMIT 50) e
    WHERE fits_input(e, d.statuses, d.account, d.cycle)
    ORDER BY e.refreshed_at DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION inputs_behind(run uuid, of_condition jsonb, until timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The inputs of a run that had not come at that moment, [{product, business_date, cycle, came_at, had}], as far as its condition did not hold without them;
-- null if it held. `had` is the older data that was there.
    WITH input AS (
        SELECT d, d.leaf, CASE WHEN d.waived_at IS NULL THEN first_arrival(d, until) END AS came_at, d.waived_at IS NOT NULL AS waived
        FROM inputs_of_run(run) d
    ), leaf AS (
        SELECT leaf FROM input GROUP BY leaf HAVING bool_and(waived OR came_at <= until IS TRUE)
    )
    SELECT cut(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('product', (d).upstream, 'business_date', (d).required_date, 'cycle', nullif((d).cycle, '*'),
            'came_at', came_at, 'had', data_before(d, until))) ORDER BY leaf, (d).cycle), 8000)
    FROM input
    WHERE NOT waived AND came_at <= until IS NOT TRUE AND NOT condition_holds(of_condition, ARRAY(SELECT leaf FROM leaf))
$$;

CREATE OR REPLACE FUNCTION may_be_behind(run uuid, until timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
-- False if each input of the run had arrived at that moment, as in most runs: then `inputs_behind` need not look for events. What takes the latest refresh of any
-- date can become too old after its arrival, so it is always looked at.
    SELECT EXISTS (SELECT FROM inputs_of_run(run) d
        WHERE d.waived_at IS NULL AND (d.required_date IS NOT NULL AND d.arrived_at <= until) IS NOT TRUE)
$$;

CREATE OR REPLACE FUNCTION difference_of(
    decided_at timestamptz, started_at timestamptz, ended_at timestamptz, behind boolean, is_over boolean, tolerance integer
) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
-- How the existing scheduler's run of a date differs from what Headgate decided. `behind`: it started without its inputs.
    SELECT CASE
        WHEN started_at IS NULL AND ended_at IS NULL THEN CASE WHEN decided_at IS NOT NULL THEN 'not_started' WHEN is_over THEN 'neither' ELSE 'waiting' END
        WHEN decided_at IS NULL THEN 'not_decided'
        WHEN behind THEN 'without_inputs'
        WHEN started_at IS NULL THEN 'start_unknown'
        WHEN started_at > decided_at + make_interval(secs => tolerance) THEN 'later'
        WHEN started_at < decided_at - make_interval(secs => tolerance) THEN 'earlier'
        ELSE 'same' END
$$;

CREATE OR REPLACE FUNCTION shadow_dates(first date, last date, of_domain text, tolerance integer, after_date date, after_product text, after_cycle text, page integer,
    now_is timestamptz)
RETURNS TABLE (product_id text, business_date date, cycle text, run_id uuid, status text, reason text, opened_at timestamptz, decided_at timestamptz,
    started_at timestamptz, ended_at timestamptz, outcome text, attempts integer, behind jsonb, difference text)
LANGUAGE sql STABLE AS $$
-- Each product and date of those that were decided in shadow or run by the existing scheduler meanwhile, with both starts and how they differ.
    WITH named AS (
        SELECT k.* FROM (
            (SELECT r.business_date, r.product_id, r.cycle FROM data_product_status r
            WHERE r.business_date BETWEEN first AND last AND r.shadow AND (r.business_date, r.product_id, r.cycle) > (after_date, after_product, after_cycle)
                AND (of_domain IS NULL OR r.product_id LIKE of_domain || '/%') ORDER BY r.business_date, r.product_id, r.cycle LIMIT page)
            UNION
            (SELECT x.business_date, x.product_id, x.cycle FROM existing_run x
            WHERE x.business_date BETWEEN first AND last AND (x.business_date, x.product_id, x.cycle) > (after_date, after_product, after_cycle)
                AND (of_domain IS NULL OR x.product_id LIKE of_domain || '/%') ORDER BY x.business_date, x.product_id, x.cycle LIMIT page)) k
        ORDER BY k.business_date, k.product_id, k.cycle LIMIT page
    )
    SELECT k.product_id, k.business_date, k.cycle, r.run_id, r.status, coalesce(r.error, r.cause), r.opened_at, decided.at, x.started_at, x.ended_at, x.status,
        x.attempt, behind.inputs,
        difference_of(decided.at, x.started_at, x.ended_at, behind.inputs IS NOT NULL, r.status NOT IN ('WAITING', 'PROCESSING') IS TRUE, tolerance)
    FROM named k
    LEFT JOIN LATERAL (SELECT * FROM runs_of_date(k.product_id, k.business_date) o WHERE o.cycle = k.cycle AND o.shadow) r ON true
    LEFT JOIN LATERAL existing_run_of(k.product_id, k.business_date, k.cycle) x ON true
    LEFT JOIN LATERAL (SELECT min(h.released_at) AS at FROM data_product_status_history h WHERE h.run_id = r.run_id) decided ON true
    LEFT JOIN LATERAL (SELECT coalesce(x.started_at, x.ended_at, CASE WHEN decided.at IS NULL THEN now_is END) AS moment OFFSET 0) until ON true
    LEFT JOIN LATERAL (SELECT CASE WHEN may_be_behind(r.run_id, until.moment) THEN inputs_behind(r.run_id,
        (SELECT p.condition FROM data_product p WHERE p.product_id = k.product_id), until.moment) END AS inputs OFFSET 0) behind ON true
$$;

CREATE OR REPLACE FUNCTION shadow_page(first date, last date, of_domain text, tolerance integer, after text, page integer, now_is timestamptz)
RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- At most `page` rows after the key `after`, by date and product: {product, business_date, cycle, difference, decided_at, started_at, ended_at, outcome, attempts,
-- seconds, inputs, status, reason}. `seconds`: the existing scheduler started so much later, or with a minus earlier, than Headgate would have.
    SELECT p.* FROM page_of((SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('key', concat_ws(' ', d.business_date, d.product_id, nullif(d.cycle, '')),
            'product', d.product_id, 'business_date', d.business_date, 'cycle', nullif(d.cycle, ''), 'difference', d.difference,
            'decided_at', d.decided_at, 'started_at', d.started_at, 'ended_at', d.ended_at, 'outcome', d.outcome,
            'attempts', CASE WHEN d.attempts > 1 THEN d.attempts END, 'seconds', extract(epoch FROM d.started_at - d.decided_at)::integer, 'inputs', d.behind,
            'status', d.status, 'reason', CASE WHEN d.decided_at IS NULL THEN cut_text(d.reason, 300) END)) ORDER BY d.business_date, d.product_id, d.cycle)
        FROM shadow_dates(first, last, of_domain, tolerance, coalesce(nullif(left(after, 10), '')::date, '-infinity'), split_part(after, ' ', 2),
            split_part(after, ' ', 3), page, now_is) d)) p
$$;

CREATE OR REPLACE FUNCTION shadow_days(first date, last date, of_domain text, tolerance integer, now_is timestamptz) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- Each of these dates as a whole, [{business_date, products, differences: {<difference>: n}, waited_seconds}]: `waited_seconds` is by how much the existing
-- scheduler started later than was possible, over all products.
    SELECT coalesce(jsonb_agg(jsonb_build_object('business_date', day.business_date, 'products', day.products, 'differences', day.differences,
        'waited_seconds', day.waited) ORDER BY day.business_date), '[]')
    FROM (SELECT business_date, sum(count)::integer AS products, jsonb_object_agg(difference, count) AS differences, coalesce(sum(seconds), 0)::integer AS waited
        FROM (SELECT d.business_date, d.difference, count(*), sum(extract(epoch FROM d.started_at - d.decided_at)) FILTER (WHERE d.difference = 'later') AS seconds
            FROM shadow_dates(first, last, of_domain, tolerance, '-infinity', '', '', 1000000, now_is) d GROUP BY d.business_date, d.difference) kinds
        GROUP BY business_date) day
$$;

CREATE OR REPLACE FUNCTION unmatched_job_runs(since timestamptz, until timestamptz, page integer) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The job runs of the existing scheduler that were seen between these moments and are of no product by what is known, the latest first, as far as they fit:
-- [{job_run, type, job, started_at, ended_at, problem}].
    SELECT coalesce(cut(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('job_run', u.job_run_id, 'type', u.type, 'job', u.job, 'started_at', u.started_at,
        'ended_at', u.ended_at, 'problem', u.problem)) ORDER BY u.seen_at DESC, u.job_run_id), 40000), '[]')
    FROM (SELECT * FROM existing_job_run j WHERE j.product_id IS NULL AND j.seen_at >= since AND j.seen_at < until
        ORDER BY j.seen_at DESC, j.job_run_id LIMIT page) u
$$;

CREATE OR REPLACE FUNCTION unseen_products(types jsonb, of_domain text, page integer) RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The products none of whose steps is of these types, so that the existing scheduler's runs of them are known by their refresh events alone: [name], as far as
-- they fit.
    SELECT coalesce(cut(jsonb_agg(u.product_id ORDER BY u.product_id), 20000), '[]')
    FROM (SELECT p.product_id FROM data_product p
        WHERE runs_here(p) AND (of_domain IS NULL OR p.domain = of_domain)
            AND NOT EXISTS (SELECT FROM data_pipeline_config c WHERE c.product_id = p.product_id AND c.type = ANY (ARRAY(SELECT jsonb_array_elements_text(types))) OFFSET 0)
        ORDER BY p.product_id LIMIT page) u
$$;
