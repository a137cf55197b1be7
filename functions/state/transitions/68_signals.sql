-- Signals: events of others that stand for the refresh of a product which is refreshed elsewhere (decision 84). What counts is published as its refresh event.

CREATE OR REPLACE FUNCTION signal_input(product text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- The name under which the signals of a product are recorded one after the other. No product can be called so.
    SELECT product || '#signal'
$$;

CREATE OR REPLACE FUNCTION signalled_products(subjects jsonb, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The products whose signal is about one of these subjects, {product_id, signal}: at most `page` of those after the product `after`.
    SELECT p.* FROM (
        SELECT jsonb_agg(jsonb_build_object('key', s.product_id, 'product_id', s.product_id, 'signal', s.signal) ORDER BY s.product_id COLLATE "C") AS entries
        FROM (SELECT * FROM data_product d WHERE d.signal IS NOT NULL AND d.signal ->> 'subject' = ANY (ARRAY(SELECT jsonb_array_elements_text(subjects)))
            AND d.active AND d.product_id COLLATE "C" > after
            ORDER BY d.product_id COLLATE "C" LIMIT page) s) found
    CROSS JOIN LATERAL page_of(found.entries) p
$$;

CREATE OR REPLACE FUNCTION dated_signal(p data_product, named_date date, nominal timestamptz, named_cycle text, happened_at timestamptz)
RETURNS TABLE (business_date date, cycle text, problem text)
LANGUAGE sql STABLE AS $$
-- The business date and the cycle of a signal, as `date_of_arrival` and `judged` have those of files; or why it has no date. A nominal time is read by the
-- clock that its product names.
    SELECT day.date, coalesce(CASE WHEN (p.signal #>> '{cycle,nominal_time}')::boolean THEN to_char(local.at, 'HH24MI') END, named_cycle, ''),
        CASE WHEN NOT is_business_day(day.date, c) THEN format('%s is no business day of the calendar %s', day.date, c.calendar) END
    FROM (SELECT nominal AT TIME ZONE (p.signal #>> '{date,timezone}') AS at) local
    LEFT JOIN data_product_schedule l ON l.product_id = p.product_id
    LEFT JOIN calendar c ON c.calendar = l.calendar
    CROSS JOIN LATERAL (SELECT shifted(
        CASE WHEN (p.signal #>> '{date,arrival}')::boolean THEN date_of_arrival(p.signal, happened_at, c) ELSE coalesce(local.at::date, named_date) END,
        (p.signal #>> '{date,offset}')::integer, c) AS date) day
$$;

CREATE OR REPLACE FUNCTION event_of_signal(s signal, of_attempt integer) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The payload of the effect that publishes the signal (contract `refresh-event`).
    SELECT jsonb_build_object('visibility', p.visibility, 'detail_type', detail_type(s.status), 'detail', jsonb_strip_nulls(jsonb_build_object(
        'domain', p.domain, 'product', p.name, 'business_date', s.business_date, 'cycle', s.cycle, 'status', s.status, 'attempt', of_attempt,
        'refreshed_at', moment(s.occurred_at) || 'Z', 'metadata', s.facts, 'cause', s.cause)))
    FROM data_product p WHERE p.product_id = s.product_id
$$;

CREATE OR REPLACE FUNCTION publish_signal(s signal, settle integer, now_is timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
-- Makes the refresh event of the signal due once it has settled, and gives its attempt. Where the event of the signal before has not been published
-- yet, this one takes its place; otherwise it is of the next attempt.
DECLARE
    last integer := coalesce((SELECT max(o.attempt) FROM signal o
        WHERE o.product_id = s.product_id AND o.business_date = s.business_date AND o.cycle = s.cycle), 0);
    name text := concat_ws(' ', 'signal', s.product_id, s.business_date, s.cycle);
    due timestamptz := now_is + make_interval(secs => settle);
BEGIN
    UPDATE effect f SET payload = event_of_signal(s, last), due_at = due
    WHERE f.effect_key = name || ' ' || last AND f.done_at IS NULL AND f.parked_at IS NULL AND f.tries = 0;
    IF NOT FOUND THEN
        last := last + 1;
        INSERT INTO effect (effect_key, kind, payload, due_at) VALUES (name || ' ' || last, 'put_event', event_of_signal(s, last), due);
    END IF;
    RETURN last;
END $$;

CREATE OR REPLACE FUNCTION record_signals(
    signals jsonb, now_is timestamptz, OUT recorded integer, OUT repeated integer, OUT older integer, OUT refused jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records signals [{signal_key, product_id, business_date, nominal_at, cycle, status, occurred_at, cause, facts}], each once, and makes the refresh events of
-- those due that are the latest of their date. An `older` one than is known is kept, and changes nothing. `refused` are [{signal_key, reason}].
DECLARE
    g record;
    s signal;
BEGIN
    recorded := 0;
    repeated := 0;
    older := 0;
    refused := '[]';
    PERFORM lock_events_of(ARRAY(SELECT signal_input(each ->> 'product_id') FROM jsonb_array_elements(signals) each));
    FOR g IN
        SELECT r.signal_key, r.product_id, r.status, least(r.occurred_at, now_is) AS occurred_at, r.cause, r.facts,
            d.business_date, d.cycle, d.problem, (p.signal ->> 'settle')::integer AS settle
        FROM jsonb_to_recordset(signals) AS r(signal_key text, product_id text, business_date date, nominal_at timestamptz, cycle text, status text,
            occurred_at timestamptz, cause text, facts jsonb)
        CROSS JOIN LATERAL (SELECT o AS product, o.signal FROM data_product o WHERE o.product_id = r.product_id AND o.signal IS NOT NULL OFFSET 0) p
        CROSS JOIN LATERAL dated_signal(p.product, r.business_date, r.nominal_at, r.cycle, least(r.occurred_at, now_is)) d
        ORDER BY r.occurred_at, r.signal_key
    LOOP
        IF g.problem IS NOT NULL THEN
            refused := refused || jsonb_build_object('signal_key', g.signal_key, 'reason', format('%s: %s', g.product_id, g.problem));
            CONTINUE;
        END IF;
        INSERT INTO signal (signal_key, product_id, business_date, cycle, status, occurred_at, received_at, cause, facts)
        VALUES (g.signal_key, g.product_id, g.business_date, g.cycle, g.status, g.occurred_at, now_is, left(g.cause, 1000), g.facts)
        ON CONFLICT (signal_key) DO NOTHING
        RETURNING * INTO s;
        IF NOT FOUND THEN
            repeated := repeated + 1;
            CONTINUE;
        END IF;
        recorded := recorded + 1;
        IF EXISTS (SELECT FROM signal o WHERE o.product_id = s.product_id AND o.business_date = s.business_date AND o.cycle = s.cycle
            AND o.occurred_at > s.occurred_at)
        THEN
            older := older + 1;
        ELSE
            UPDATE signal o SET attempt = publish_signal(s, g.settle, now_is) WHERE o.signal_key = s.signal_key;
        END IF;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION note_unused_signals(signals jsonb, now_is timestamptz) RETURNS integer
LANGUAGE sql SET enable_seqscan = off AS $$
-- Keeps of signals that refreshed nothing [{kind, subject, product_id, refused, reason, example}] the last one of each subject and product, at most once a minute: a bucket may have
-- thousands of objects that concern nobody. Gives how many were kept.
    WITH kept AS (
        INSERT INTO unused_signal AS u (kind, subject, product_id, refused, reason, example, first_at, last_at)
        SELECT DISTINCT ON (g.kind, g.subject, g.product_id, g.refused) g.kind, left(g.subject, 1000), g.product_id, g.refused, left(g.reason, 1000), left(g.example, 300), now_is, now_is
        FROM jsonb_to_recordset(signals) AS g(kind text, subject text, product_id text, refused boolean, reason text, example text)
        ORDER BY g.kind, g.subject, g.product_id, g.refused  -- in one order: two that note the same wait for each other
        ON CONFLICT (kind, subject, product_id, refused) DO UPDATE SET reason = excluded.reason, example = excluded.example, last_at = excluded.last_at
        WHERE u.last_at <= excluded.last_at - interval '1 minute'
        RETURNING 1
    )
    SELECT count(*)::integer FROM kept
$$;
