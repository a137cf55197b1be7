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
        AND NOT EXISTS (SELECT FROM risk_notice n WHERE n.run_id = r.run_id AND n.due_at = r.due_at OFFSET 0) AND NOT kept_sla(r)
$$;

CREATE OR REPLACE FUNCTION next_risk_look(now_is timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
-- When the monitor next has to look at runs that may be at risk: in ten minutes while there are any, else when the first is near enough.
    SELECT CASE WHEN min(r.due_at) - risk_window() <= now_is THEN now_is + interval '10 minutes' ELSE min(r.due_at) - risk_window() END
    FROM asked_about_risk(now_is, now_is + interval '1 day') r
$$;

CREATE OR REPLACE FUNCTION notify_at_risk(now_is timestamptz) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Makes the alerts due of runs that will more likely than not miss their SLA. Gives how many. Where nobody asks for them nothing is forecast. A run is
-- notified once for each due time, however its forecast changes.
DECLARE
    asked uuid[] := ARRAY(SELECT a.run_id FROM asked_about_risk(now_is, now_is + risk_window()) a);
    dates date[] := ARRAY(SELECT DISTINCT s.business_date FROM data_product_status s WHERE s.run_id = ANY (asked) ORDER BY 1);
    of_date date;
    f record;
    r data_product_status;
    noted integer := 0;
BEGIN
    FOREACH of_date IN ARRAY dates LOOP
        FOR f IN SELECT * FROM forecast(of_date, now_is) e WHERE e.at_risk AND e.run_id = ANY (asked) ORDER BY e.due_at, e.product_id LOOP
            SELECT * INTO r FROM data_product_status s
            WHERE s.run_id = f.run_id AND may_become_late(s) AND s.due_at = f.due_at FOR SHARE;  -- it does not end meanwhile
            CONTINUE WHEN NOT FOUND;
            INSERT INTO risk_notice (run_id, due_at, noted_at) VALUES (r.run_id, r.due_at, now_is) ON CONFLICT DO NOTHING;
            CONTINUE WHEN NOT FOUND;
            PERFORM store_fact(jsonb_strip_nulls(jsonb_build_object('kind', 'AT_RISK', 'level', 'product', 'product', r.product_id, 'run_id', r.run_id,
                'attempt', r.attempt, 'business_date', r.business_date, 'cycle', r.cycle, 'part', 'due ' || to_char(r.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
                'at', now_is, 'status', r.status, 'due_at', r.due_at, 'basis', f.basis, 'expected', date_trunc('second', f.expected), 'low', date_trunc('second', f.low),
                'high', nullif(date_trunc('second', f.high), 'infinity'), 'waits_for', f.waits_for, 'because', nullif(f.because, r.product_id),
                'because_basis', CASE WHEN f.because <> r.product_id THEN f.because_basis END,
                'because_late', CASE WHEN f.because_late < 'Infinity' THEN round(f.because_late::numeric) END)), now_is);
            noted := noted + 1;
        END LOOP;
    END LOOP;
    RETURN noted;
END $$;
