-- What will probably miss its SLA, said before it does.

CREATE OR REPLACE FUNCTION risk_window() RETURNS interval LANGUAGE sql IMMUTABLE AS $$
-- How long before an SLA is due its run is looked at.
    SELECT interval '4 hours'
$$;

CREATE OR REPLACE FUNCTION asked_about_risk(from_at timestamptz, until_at timestamptz) RETURNS SETOF data_product_status
LANGUAGE sql STABLE AS $$
-- The runs due between these moments that can still become late, of which somebody asks to be notified when they are at risk, and nobody was.
    SELECT r.* FROM data_product_status r JOIN data_product p USING (product_id)
    WHERE may_become_late(r) AND r.due_at > from_at AND r.due_at <= until_at AND wants_alert(p.notify, 'AT_RISK')
        AND NOT EXISTS (SELECT FROM risk_notice n WHERE n.run_id = r.run_id AND n.due_at = r.due_at OFFSET 0)
        AND NOT EXISTS (SELECT FROM unmade_opening u
            WHERE (u.product_id, u.business_date, u.cycle) = (r.product_id, r.business_date, r.cycle) AND u.risk_due_at = r.due_at OFFSET 0)
        AND NOT kept_sla(r)
$$;

CREATE OR REPLACE FUNCTION openings_ahead(from_at timestamptz, until_at timestamptz)
RETURNS TABLE (product_id text, business_date date, cycle text, opens_at timestamptz)
LANGUAGE plpgsql STABLE AS $$
-- What schedules open until then and have not opened yet, of products that have an SLA and of which somebody asks to be notified when they are at risk. Those that open alike are looked at
-- once. None where a schedule cannot be evaluated: `open_due_runs` reports that.
BEGIN
    RETURN QUERY
    SELECT p.product_id, o.business_date, o.cycle, min(o.at)
    FROM (
        SELECT (array_agg(s))[1] AS one, array_agg(s.product_id) AS products, s.opened_until
        FROM data_product_schedule s JOIN data_product d USING (product_id)
        WHERE d.complete_by IS NOT NULL AND runs_here(d) AND d.opening_error IS NULL AND wants_alert(d.notify, 'AT_RISK')
        GROUP BY s.cron, s.timezone, s.calendar, s.date_offset, s.times, s.opened_until
    ) alike
    CROSS JOIN LATERAL openings_of(alike.one, greatest(alike.opened_until, oldest_opening(from_at)), until_at) o
    CROSS JOIN unnest(alike.products) each(name) JOIN data_product p ON p.product_id = each.name
    WHERE p.cycles_changed_at IS NULL OR o.cycle <> ALL (replaced_cycles(p.product_id, o.business_date))
    GROUP BY p.product_id, o.business_date, o.cycle;
EXCEPTION WHEN OTHERS THEN
    IF is_of_the_database(SQLSTATE) THEN
        RAISE;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION dates_ahead(from_at timestamptz, until_at timestamptz) RETURNS TABLE (product_id text, business_date date, due_at timestamptz)
LANGUAGE sql STABLE AS $$
-- Of products without a schedule, as above, the dates that are due between these moments and that something before them is opened for.
    SELECT d.product_id, d.date, d.at FROM (
        SELECT p.product_id, day.date, due.at FROM data_product p
        CROSS JOIN LATERAL (SELECT (from_at AT TIME ZONE p.sla_timezone)::date - coalesce(p.sla_days, 0) + ahead AS date FROM generate_series(0, 1) ahead) day
        CROSS JOIN LATERAL (SELECT sla_due(p, day.date, NULL, NULL) AS at) due
        WHERE p.complete_by IS NOT NULL AND runs_here(p) AND wants_alert(p.notify, 'AT_RISK') AND due.at > from_at AND due.at <= until_at
            AND NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = p.product_id)
            AND NOT EXISTS (SELECT FROM runs_of_date(p.product_id, day.date))
        OFFSET 0) d
    WHERE is_expected(d.product_id, d.date)
$$;

CREATE OR REPLACE FUNCTION asked_about_openings(from_at timestamptz, until_at timestamptz)
RETURNS TABLE (product_id text, business_date date, cycle text, opens_at timestamptz, due_at timestamptz)
LANGUAGE sql STABLE AS $$
-- As `asked_about_risk`, what nobody has opened yet.
    SELECT o.product_id, o.business_date, o.cycle, o.opens_at, due.at
    FROM (SELECT * FROM openings_ahead(from_at, until_at)
        UNION ALL SELECT d.product_id, d.business_date, '', NULL FROM dates_ahead(from_at, until_at) d) o
    JOIN data_product p USING (product_id) CROSS JOIN LATERAL (SELECT sla_due(p, o.business_date, o.opens_at, NULL) AS at) due
    WHERE due.at > from_at AND due.at <= until_at AND due.at > p.sla_since
        AND NOT EXISTS (SELECT FROM runs_of_date(o.product_id, o.business_date) r WHERE r.cycle = o.cycle)
        AND NOT EXISTS (SELECT FROM unmade_opening u WHERE (u.product_id, u.business_date, u.cycle) = (o.product_id, o.business_date, o.cycle)
            AND (u.late_at IS NOT NULL OR u.passed_over_at IS NOT NULL OR u.risk_due_at = due.at) OFFSET 0)
$$;

CREATE OR REPLACE FUNCTION next_risk_look(now_is timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
-- When the monitor next has to look at what may be at risk: in ten minutes while there is anything, else when the first is near enough.
    SELECT CASE WHEN min(a.due_at) - risk_window() <= now_is THEN now_is + interval '10 minutes' ELSE min(a.due_at) - risk_window() END
    FROM (SELECT r.due_at FROM asked_about_risk(now_is, now_is + interval '1 day') r
        UNION ALL SELECT o.due_at FROM asked_about_openings(now_is, now_is + interval '1 day') o) a
$$;

CREATE OR REPLACE FUNCTION fact_of_risk(r data_product_status, f jsonb, now_is timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- What an alert says of a run (or of what is not opened yet) that is at risk, by its forecast.
    SELECT jsonb_strip_nulls(jsonb_build_object('kind', 'AT_RISK', 'level', 'product', 'product', r.product_id, 'run_id', r.run_id, 'attempt', r.attempt,
        'business_date', r.business_date, 'cycle', r.cycle, 'part', 'due ' || to_char(r.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 'at', now_is, 'status', r.status,
        'due_at', r.due_at, 'basis', e.basis, 'expected', date_trunc('second', e.expected), 'low', date_trunc('second', e.low),
        'high', nullif(date_trunc('second', e.high), 'infinity'), 'waits_for', e.waits_for, 'because', nullif(e.because, r.product_id),
        'because_basis', CASE WHEN e.because <> r.product_id THEN e.because_basis END,
        'because_late', CASE WHEN e.because_late < 'Infinity' THEN round(e.because_late::numeric) END))
    FROM jsonb_to_record(f) e(basis text, expected timestamptz, low timestamptz, high timestamptz, waits_for text, because text, because_basis text, because_late float8)
$$;

CREATE OR REPLACE FUNCTION risks_of(dates date[], now_is timestamptz) RETURNS jsonb[] LANGUAGE sql STABLE AS $$
-- The rows of the forecasts of these dates that are at risk.
    SELECT ARRAY(SELECT to_jsonb(e) || jsonb_build_object('business_date', d) FROM unnest(dates) d CROSS JOIN LATERAL forecast(d, now_is) e
        WHERE e.at_risk ORDER BY d, e.due_at, e.product_id)
$$;

CREATE OR REPLACE FUNCTION note_risk_of_opening(f jsonb, due timestamptz, opens timestamptz, now_is timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
-- Makes the alert due of what nobody has opened yet, if that is so and nobody was notified. A run that is opened later has the id under which it is notified here.
DECLARE
    u unmade_opening;
BEGIN
    INSERT INTO unmade_opening AS o (product_id, business_date, cycle, opens_at, due_at, risk_due_at)
    SELECT f ->> 'product_id', (f ->> 'business_date')::date, f ->> 'cycle', opens, due, due
    WHERE NOT EXISTS (SELECT FROM runs_of_date(f ->> 'product_id', (f ->> 'business_date')::date) r WHERE r.cycle = f ->> 'cycle')
    ON CONFLICT (product_id, business_date, cycle) DO UPDATE SET opens_at = excluded.opens_at, due_at = excluded.due_at, risk_due_at = excluded.risk_due_at
    WHERE o.late_at IS NULL AND o.passed_over_at IS NULL AND o.risk_due_at IS DISTINCT FROM excluded.risk_due_at
    RETURNING * INTO u;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM store_fact(fact_of_risk(unopened_run(u), f, now_is), now_is);
    RETURN 1;
END $$;

CREATE OR REPLACE FUNCTION note_risk_of_run(f jsonb, now_is timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
-- Makes the alert due of a run, if it is still as the forecast says and nobody was notified.
DECLARE
    r data_product_status;
BEGIN
    SELECT * INTO r FROM data_product_status s
    WHERE s.run_id = (f ->> 'run_id')::uuid AND may_become_late(s) AND s.due_at = (f ->> 'due_at')::timestamptz FOR SHARE;  -- it does not end meanwhile
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    INSERT INTO risk_notice (run_id, due_at, noted_at) VALUES (r.run_id, r.due_at, now_is) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM store_fact(fact_of_risk(r, f, now_is), now_is);
    RETURN 1;
END $$;

CREATE OR REPLACE FUNCTION notify_at_risk(now_is timestamptz) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Makes the alerts due of what will more likely than not miss its SLA, opened or not. Gives how many. Where nobody asks for them nothing is forecast. It is notified once for each
-- due time, however its forecast changes.
DECLARE
    until_at timestamptz := now_is + risk_window();
    asked uuid[] := ARRAY(SELECT a.run_id FROM asked_about_risk(now_is, until_at) a);
    openings jsonb := coalesce((SELECT jsonb_object_agg(concat_ws(' ', o.product_id, o.business_date, o.cycle), to_jsonb(o)) FROM asked_about_openings(now_is, until_at) o), '{}');
    risks jsonb[] := risks_of(ARRAY(SELECT DISTINCT s.business_date FROM data_product_status s WHERE s.run_id = ANY (asked)
        UNION SELECT (o.value ->> 'business_date')::date FROM jsonb_each(openings) o), now_is);
    noted integer := 0;
BEGIN
    IF EXISTS (SELECT FROM unnest(risks) f WHERE f ->> 'run_id' IS NULL) THEN
        PERFORM lock_openings(true);  -- nobody opens it meanwhile
        noted := coalesce((SELECT sum(note_risk_of_opening(f, (o.opening ->> 'due_at')::timestamptz, (o.opening ->> 'opens_at')::timestamptz, now_is))
            FROM unnest(risks) f CROSS JOIN LATERAL (SELECT openings -> concat_ws(' ', f ->> 'product_id', f ->> 'business_date', f ->> 'cycle') AS opening) o
            WHERE f ->> 'run_id' IS NULL AND o.opening IS NOT NULL), 0);
    END IF;
    RETURN noted + coalesce((SELECT sum(note_risk_of_run(f, now_is)) FROM unnest(risks) f WHERE (f ->> 'run_id')::uuid = ANY (asked)), 0);
END $$;
