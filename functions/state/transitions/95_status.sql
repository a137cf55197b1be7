-- The question `status`. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION status_elsewhere(last_event text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- The status of a product that is refreshed elsewhere, by its latest event.
    SELECT CASE last_event WHEN 'COMPLETED' THEN 'REFRESHED' WHEN 'ERROR' THEN 'FAILED' WHEN 'STARTED' THEN 'PROCESSING' WHEN 'SKIPPED' THEN 'SKIPPED'
        WHEN 'CANCELLED' THEN 'CANCELLED' ELSE 'EXPECTED' END
$$;

CREATE OR REPLACE FUNCTION effects_in_trouble(run uuid, now_is timestamptz, OUT parked boolean, OUT failing boolean)
LANGUAGE sql STABLE AS $$
-- True if an effect of the run is parked, and if one has failed for a while and is tried again; null if not.
    SELECT nullif(bool_or(e.parked_at IS NOT NULL), false),
        nullif(bool_or(e.parked_at IS NULL AND coalesce(e.failing_since <= now_is - interval '10 minutes', false)), false)
    FROM (SELECT * FROM effect f WHERE f.run_id = run OFFSET 0) e WHERE e.done_at IS NULL
$$;

CREATE OR REPLACE FUNCTION status_rows(products text[], on_date date, now_is timestamptz) RETURNS TABLE (product_id text, cycle text, entry jsonb)
LANGUAGE sql STABLE AS $$
-- The products with their runs of that business date. A product without a run has the status NOT OPENED, or ARCHIVED; one that is refreshed elsewhere
-- REFRESHED, FAILED or EXPECTED. What few products have is computed only for those that may have it.
    SELECT p.product_id, r.cycle, jsonb_strip_nulls(jsonb_build_object(
        'key', concat_ws(' ', p.product_id, r.cycle), 'product', p.product_id, 'owner', p.owner, 'cycle', nullif(coalesce(r.cycle, e.cycle), ''),
        'attempt', r.attempt,
        'archived', elsewhere.archived,
        'status', CASE WHEN r.run_id IS NOT NULL THEN r.status WHEN elsewhere.archived IS NOT NULL THEN 'ARCHIVED' WHEN p.machine IS NOT NULL THEN 'NOT OPENED'
            ELSE status_elsewhere(e.status) END,
        'opened_at', r.opened_at, 'released_at', r.released_at, 'started_at', r.started_at,
        'finished_at', coalesce(r.finished_at, e.received_at), 'deadline_at', CASE r.status WHEN 'WAITING' THEN r.deadline_at END,
        'due_at', coalesce(r.due_at, u.due_at), 'timezone', p.sla_timezone, 'late', CASE WHEN r.due_at < now_is THEN is_late(r, now_is) WHEN u.late_at IS NOT NULL THEN true END,
        'opens_at', o.at, 'missed', CASE WHEN o.at <= o.opened_until THEN true END,
        'scheduled_at', CASE WHEN o.at <= o.known_since AND u.was_due IS NOT TRUE THEN o.known_since END,
        'unscheduled', CASE WHEN r.run_id IS NULL AND p.machine IS NOT NULL AND o.opened_until IS NULL THEN true END,
        'opening_error', CASE WHEN r.run_id IS NULL THEN p.opening_error END,
        'refused', CASE WHEN of_date.refused THEN refusal_of(p.product_id) END,
        'usually_at', CASE WHEN p.machine IS NULL AND e.status IS NULL THEN usually_at(p.product_id, on_date) END,
        'signal', CASE WHEN e.event_key IS NOT NULL THEN signalled_by(e.metadata) END,
        'held', CASE WHEN p.held OR r.held THEN true END, 'parked', f.parked, 'failing', f.failing,
        'error', CASE WHEN r.error IS NOT NULL THEN cut_text(r.error, 500) END,
        'reason', CASE WHEN r.status IN ('SKIPPED', 'CANCELLED') AND r.cause IS NOT NULL THEN cut_text(r.cause, 500) END,
        'resume_until', CASE WHEN r.resume_until IS NOT NULL AND may_resume(r, now_is) THEN r.resume_until END,
        'outdated_at', CASE WHEN r.outdated_at IS NOT NULL AND uses_inputs(r) THEN r.outdated_at END,
        'files', CASE WHEN r.status = 'WAITING' AND r.released_at IS NULL AND EXISTS (SELECT FROM landing_source s WHERE s.product_id = p.product_id)
            THEN files_in_brief(p.product_id, on_date, r.cycle) END,
        'sweep', CASE WHEN sweeps(p.product_id) THEN to_be_swept(p.product_id, on_date, r.cycle) END,
        'sweeps', CASE WHEN r.run_id IS NULL AND sweeps(p.product_id) THEN true END,
        'loading', CASE WHEN r.started_at IS NOT NULL AND EXISTS (SELECT FROM landing_wave w WHERE w.run_id = r.run_id) THEN loading_of(r) END,
        'missing', CASE WHEN r.status = 'WAITING' AND r.released_at IS NULL THEN (
            SELECT cut(jsonb_agg(upstream ORDER BY upstream) FILTER (WHERE number <= 5), 1000, count(*)) FROM (
                SELECT DISTINCT d.upstream, dense_rank() OVER (ORDER BY d.upstream) AS number
                FROM data_product_dependencies_events_status d WHERE d.run_id = r.run_id AND d.status = 'WAITING') waits) END))
    FROM (SELECT coalesce((SELECT l.refused FROM catalog_load l ORDER BY l.load_id DESC LIMIT 1), '[]') <> '[]' AS refused OFFSET 0) of_date
    CROSS JOIN unnest(products) given(name)
    CROSS JOIN LATERAL (SELECT * FROM data_product d WHERE d.product_id = given.name OFFSET 0) p
    LEFT JOIN LATERAL runs_of_date(p.product_id, on_date) r ON true
    LEFT JOIN LATERAL (
        SELECT * FROM refresh_event e
        WHERE p.machine IS NULL AND e.product_id = p.product_id AND e.business_date = on_date AND e.superseded_at IS NULL
        ORDER BY e.attempt DESC NULLS LAST, array_position('{REOPENED,STARTED}', e.status) NULLS FIRST, e.refreshed_at DESC LIMIT 1) e ON true
    LEFT JOIN LATERAL (
        SELECT min(u.due_at) AS due_at, min(u.late_at) AS late_at, bool_or(u.late_at IS NOT NULL OR u.passed_over_at IS NOT NULL) AS was_due FROM unmade_opening u
        WHERE r.run_id IS NULL AND u.product_id = p.product_id AND u.business_date = on_date) u ON true
    LEFT JOIN LATERAL (
        SELECT s.opened_until, s.known_since, (SELECT min(f.at) FROM openings_for(s, on_date) f WHERE p.opening_error IS NULL) AS at FROM data_product_schedule s
        WHERE r.run_id IS NULL AND p.machine IS NOT NULL AND s.product_id = p.product_id OFFSET 0) o ON true
    LEFT JOIN LATERAL effects_in_trouble(r.run_id, now_is) f ON r.run_id IS NOT NULL
    LEFT JOIN archive_of_all(products, on_date) a ON a.product_id = given.name
    CROSS JOIN LATERAL (SELECT CASE WHEN r.run_id IS NULL AND e.status IS NULL THEN a.archived END AS archived OFFSET 0) elsewhere
$$;

CREATE OR REPLACE FUNCTION status_page(found text[], on_date date, after text, page integer, now_is timestamptz) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE AS $$
-- The rows of these products after the key `after`, at most `page`, as many as fit into an answer.
    SELECT p.* FROM page_of((SELECT jsonb_agg(rows.entry ORDER BY rows.product_id, rows.cycle) FROM (
        SELECT s.* FROM status_rows(found, on_date, now_is) s
        WHERE (s.product_id, coalesce(s.cycle, '')) > (split_part(after, ' ', 1), split_part(after, ' ', 2))
        ORDER BY s.product_id, s.cycle LIMIT page) rows)) p
$$;

CREATE OR REPLACE FUNCTION status_of_day(on_date date, of_domain text, after text, page integer, now_is timestamptz)
RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The products of a domain, or all, with their runs of that business date (`status_rows`), but for those whose domain this account is sent no events of.
    SELECT * FROM status_page(ARRAY(
        SELECT DISTINCT first.product_id FROM (
            SELECT p.product_id FROM data_product p LEFT JOIN LATERAL runs_of_date(p.product_id, on_date) r ON true
            WHERE p.active AND (of_domain IS NULL OR p.domain = of_domain) AND (p.account IS NULL OR p.domain = ANY ((SELECT domains_received())::text[]))
                AND p.product_id >= split_part(after, ' ', 1)
                AND (p.product_id, coalesce(r.cycle, '')) > (split_part(after, ' ', 1), split_part(after, ' ', 2))
            ORDER BY p.product_id, r.cycle LIMIT page) first), on_date, after, page, now_is)
$$;

CREATE OR REPLACE FUNCTION status_of_products(on_date date, of_domain text, products jsonb, after text, page integer, now_is timestamptz)
RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The same of those of the products [name] that it has.
    SELECT * FROM status_page(ARRAY(
        SELECT p.product_id FROM unnest(names_in(products)) given(name)
        CROSS JOIN LATERAL (SELECT * FROM data_product o WHERE o.product_id = given.name OFFSET 0) p
        WHERE p.active AND (of_domain IS NULL OR p.domain = of_domain) AND (p.account IS NULL OR p.domain = ANY ((SELECT domains_received())::text[]))),
        on_date, after, page, now_is)
$$;

CREATE OR REPLACE FUNCTION status_changes(on_date date, of_domain text, since text, OUT now_at text, OUT products jsonb)
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
-- `now_at` is the position from which what changes from now on will be found, also what is under way and not yet visible. `products` are those whose
-- rows of that business date may have changed since a position of before; some may have changed before it. Null if all may have: nothing is known of so
-- long ago, or they are too many to be named, or `since` is null. What follows from the clock alone changes nothing, until the monitor records it.
DECLARE
    oldest xid8 := (SELECT m.position FROM status_mark m ORDER BY m.noted_at LIMIT 1);
BEGIN
    now_at := pg_snapshot_xmin(pg_current_snapshot());
    IF since::xid8 > pg_snapshot_xmax(pg_current_snapshot()) OR since::xid8 < oldest OR EXISTS (
        SELECT FROM status_change c WHERE c.changed_in >= since::xid8 AND c.product_id IS NULL AND (c.business_date = on_date OR c.business_date IS NULL))
    THEN
        RETURN;
    END IF;
    products := (SELECT coalesce(jsonb_agg(named.product_id), '[]') FROM (
        SELECT DISTINCT c.product_id FROM status_change c
        WHERE c.changed_in >= since::xid8 AND (c.business_date = on_date OR c.business_date IS NULL)
            AND (of_domain IS NULL OR split_part(c.product_id, '/', 1) = of_domain)
        ORDER BY c.product_id LIMIT 401) named WHERE since IS NOT NULL);
    IF jsonb_array_length(products) > 400 OR since IS NULL THEN
        products := NULL;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION status_news(on_date date, of_domain text, since text, OUT now_at text, OUT products jsonb, OUT shadow_since timestamptz)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What `status_changes` answers; and since when the application is in shadow, null if it is not.
    SELECT c.now_at, c.products, (SELECT m.since FROM application_mode m WHERE m.shadow) FROM status_changes(on_date, of_domain, since) c
$$;

CREATE OR REPLACE FUNCTION snapshot_news(positions jsonb, number integer, now_is timestamptz, OUT dates jsonb, OUT shadow_since timestamptz)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What a snapshot needs to know before it is written: of the latest date and those before it, so many in all, the position, and whether anything may have changed since
-- that in `positions`, {date: position}, as [{business_date, position, changed}] with the latest first; and `shadow_since`, as in `status_news`.
    SELECT jsonb_agg(jsonb_build_object('business_date', day.date, 'position', c.now_at, 'changed', c.products IS NULL OR c.products <> '[]') ORDER BY day.date DESC),
        (SELECT m.since FROM application_mode m WHERE m.shadow)
    FROM (SELECT latest_date(NULL, now_is) AS date OFFSET 0) latest
    CROSS JOIN LATERAL (SELECT latest.date - back AS date FROM generate_series(0, number - 1) back) day
    CROSS JOIN LATERAL status_changes(day.date, NULL, positions ->> day.date::text) c
$$;
