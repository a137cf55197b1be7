-- The question `runs`: the runs of a product over many dates, with what each took and what let it go. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION seconds_between(first timestamptz, last timestamptz) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT round(extract(epoch FROM last - first), 3)
$$;

CREATE OR REPLACE FUNCTION releasing_arrival(run uuid, released_at timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The last input that came before the run was released: {upstream, at, business_date, cycle, attempt, account, status} of its event, or `waived_by`. Null
-- where it was released without one.
    SELECT jsonb_strip_nulls(jsonb_build_object('upstream', h.upstream, 'at', h.changed_at, 'waived_by', h.changed_by, 'business_date', e.business_date,
        'cycle', nullif(e.cycle, ''), 'attempt', e.attempt, 'account', e.account, 'status', e.status, 'refreshed_at', e.refreshed_at))
    FROM (SELECT * FROM data_product_dependencies_events_status_history d WHERE d.run_id = run OFFSET 0) h
    LEFT JOIN LATERAL (SELECT * FROM refresh_event f WHERE f.event_key = h.event_key OFFSET 0) e ON true
    WHERE h.event IN ('arrived', 'waived') AND h.changed_at <= releasing_arrival.released_at
    ORDER BY h.changed_at DESC, h.history_id DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION attempts_of_run(run uuid)
RETURNS TABLE (attempt integer, opened_at timestamptz, released_at timestamptz, started_at timestamptz, finished_at timestamptz, status text,
    reason text, error text, opened_by text)
LANGUAGE sql STABLE AS $$
-- By its history; `status` and `error` are how it ended, or as it is.
    SELECT h.attempt, min(h.changed_at) FILTER (WHERE opens_attempt(h.event)), max(h.changed_at) FILTER (WHERE h.event IN ('released', 'repaired')),
        min(h.changed_at) FILTER (WHERE h.event = 'started'),
        max(h.changed_at) FILTER (WHERE h.event IN ('completed', 'failed', 'skipped', 'cancelled')),
        (array_agg(h.status ORDER BY h.history_id DESC))[1], (array_agg(h.release_reason ORDER BY h.history_id DESC)
            FILTER (WHERE h.event IN ('released', 'repaired')))[1], (array_agg(h.error ORDER BY h.history_id DESC))[1],
        (array_agg(h.changed_by ORDER BY h.history_id) FILTER (WHERE opens_attempt(h.event)))[1]
    FROM (SELECT * FROM data_product_status_history o WHERE o.run_id = run OFFSET 0) h
    GROUP BY h.attempt
$$;

CREATE OR REPLACE FUNCTION attempts_before(run uuid, newest integer) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The attempts before the newest, the latest first, as far as they fit; null if there are none.
    SELECT cut(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('attempt', a.attempt, 'status', a.status, 'opened_at', a.opened_at, 'by', a.opened_by,
        'released_at', a.released_at, 'started_at', a.started_at, 'finished_at', a.finished_at,
        'wait_seconds', seconds_between(a.opened_at, a.released_at), 'run_seconds', seconds_between(a.started_at, a.finished_at),
        'reason', a.reason, 'released_by', releasing_arrival(run, a.released_at), 'error', cut_text(a.error, 300))) ORDER BY a.attempt DESC), 8000)
    FROM attempts_of_run(run) a WHERE a.attempt < newest
$$;

CREATE OR REPLACE FUNCTION runs_page(product text, first date, last date, of_cycle text, before text, page integer, now_is timestamptz)
RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The runs of a product for those business dates (of one cycle, if named), the newest first: at most `page` before the run whose key is `before`, as many
-- as fit into an answer. What is said of an attempt is said of the newest; `attempts` are those before it. `wait_seconds` are from its opening to its release,
-- `run_seconds` from its start to its end.
    SELECT p.* FROM page_of((SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('key', rows.key, 'business_date', rows.business_date, 'cycle', rows.cycle,
            'status', rows.status, 'attempt', rows.attempt, 'held', CASE WHEN rows.held THEN true END, 'opened_at', opened.at,
            'released_at', rows.released_at, 'reason', rows.release_reason, 'released_by', releasing_arrival(rows.run_id, rows.released_at),
            'started_at', rows.started_at, 'finished_at', rows.finished_at, 'wait_seconds', seconds_between(opened.at, rows.released_at),
            'run_seconds', seconds_between(rows.started_at, rows.finished_at), 'due_at', rows.due_at, 'late', rows.late,
            'outdated_at', rows.outdated_at, 'error', cut_text(rows.error, 300),
            'attempts', CASE WHEN rows.attempt > 1 THEN attempts_before(rows.run_id, rows.attempt) END)) ORDER BY rows.key COLLATE "C" DESC)
        FROM (
            SELECT r.*, r.business_date || ' ' || r.cycle AS key, CASE WHEN r.due_at < now_is THEN is_late(r, now_is) END AS late
            FROM data_product_status r
            WHERE r.product_id = product AND r.business_date BETWEEN coalesce(first, '-infinity') AND coalesce(last, 'infinity')
                AND (of_cycle IS NULL OR r.cycle = of_cycle)
                AND (before = '' OR (r.business_date, r.cycle) < (left(before, 10)::date, substr(before, 12)))
            ORDER BY r.business_date DESC, r.cycle DESC LIMIT page) rows
        CROSS JOIN LATERAL (SELECT CASE rows.attempt WHEN 1 THEN rows.opened_at ELSE (
            SELECT a.opened_at FROM attempts_of_run(rows.run_id) a WHERE a.attempt = rows.attempt) END AS at) opened)) p
$$;
