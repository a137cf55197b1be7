-- When nothing is sent: mutes, maintenance windows, quiet hours. What is in trouble after that is sent then.

CREATE OR REPLACE FUNCTION window_end(w jsonb, now_is timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
-- Until when the window is open now; null if it is not. {timezone, from, until}: dates with times, or times of every day or of `days` (ISO numbers of
-- the weekdays on which it begins; it may end on the next).
    SELECT CASE
        WHEN length(w ->> 'from') > 5 THEN (SELECT u.at FROM (SELECT (w ->> 'until')::timestamp AT TIME ZONE (w ->> 'timezone') AS at) u
            WHERE now_is >= (w ->> 'from')::timestamp AT TIME ZONE (w ->> 'timezone') AND now_is < u.at)
        ELSE (
            SELECT min(e.at) FROM generate_series(0, 1) past
            CROSS JOIN LATERAL (SELECT (now_is AT TIME ZONE (w ->> 'timezone'))::date - past AS day) begins
            CROSS JOIN LATERAL (SELECT (day + (w ->> 'from')::time) AT TIME ZONE (w ->> 'timezone') AS from_at,
                (day + CASE WHEN w ->> 'until' <= w ->> 'from' THEN 1 ELSE 0 END + (w ->> 'until')::time) AT TIME ZONE (w ->> 'timezone') AS at) e
            WHERE now_is >= e.from_at AND now_is < e.at
                AND (w -> 'days' IS NULL OR w -> 'days' @> to_jsonb(to_char(day, 'ID')::integer))) END
$$;

CREATE OR REPLACE FUNCTION held_back(p data_product, of_severity integer, now_is timestamptz, OUT until timestamptz, OUT why text)
LANGUAGE sql STABLE AS $$
-- Until when alerts of that severity about the product are kept back, and why; nulls if they are not.
    SELECT h.until, h.why FROM (
        SELECT m.until, concat_ws(': ', 'muted by ' || m.changed_by, m.reason) AS why FROM alert_mute m
        WHERE m.muted IN (p.product_id, p.domain) AND m.until > now_is
        UNION ALL
        SELECT window_end(w, now_is), concat_ws(': ', 'maintenance', w ->> 'reason') FROM jsonb_array_elements(p.alerting -> 'maintenance') w
        UNION ALL
        SELECT window_end(w, now_is), 'quiet hours' FROM jsonb_array_elements(p.alerting -> 'quiet') w
        WHERE w -> 'severities' @> to_jsonb(of_severity)
    ) h WHERE h.until IS NOT NULL ORDER BY h.until DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION mute(what text, until_at timestamptz, why text, actor text, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- Keeps the alerts of a product or a domain back until then; a moment that has passed ends that, and what was kept back is due.
BEGIN
    IF NOT EXISTS (SELECT FROM data_product p WHERE what IN (p.product_id, p.domain) AND p.active) THEN
        RAISE EXCEPTION 'UnknownProduct: no product or domain is called %', what;
    END IF;
    DELETE FROM alert_mute m WHERE m.until <= now_is OR m.muted = what;
    INSERT INTO alert_mute (muted, until, reason, changed_at, changed_by) SELECT what, until_at, why, now_is, actor WHERE until_at > now_is;
    IF until_at <= now_is THEN
        PERFORM alert_again(a, 'unmuted ' || now_is, now_is) FROM alert_delivery d JOIN alert a USING (alert_key) CROSS JOIN LATERAL notified_about(a.product_id) p
        WHERE d.state = 'DUE' AND d.not_before > now_is AND what IN (p.product_id, p.domain);
    END IF;
    RETURN jsonb_build_object('muted', what, 'until', until_at, 'reason', why);
END $$;
