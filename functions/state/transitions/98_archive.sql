-- The archive: runs and refresh events that are kept in objects of a bucket and no longer here. A page of them, of one business date, is planned,
-- written by the caller, and deleted here, in this order. What was begun is finished under its name: a crash loses nothing and doubles nothing.

CREATE OR REPLACE FUNCTION is_begun(a archive_page) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN a.archived_at IS NULL THEN true ELSE false END
$$;

CREATE OR REPLACE FUNCTION ended_before(r data_product_status, moment timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT r.finished_at < moment AND r.status NOT IN ('WAITING', 'PROCESSING')
$$;

CREATE OR REPLACE FUNCTION days_needed(product text) RETURNS integer LANGUAGE sql STABLE AS $$
-- How old a refresh event of the product can be and still decide over a run, by the metadata of today: max_age, or an offset of business days with
-- holidays between, and the time in which a run waits and may resume.
    SELECT coalesce(max(ceil((coalesce(d.max_age_seconds, 0) + coalesce(p.deadline_seconds, 0) + coalesce(p.resume_seconds, 0)) / 86400.0)::integer
        + CASE d.offset_days WHEN 0 THEN 0 ELSE abs(d.offset_days) * 2 + 12 END), 0)
    FROM data_product_dependencies d JOIN data_product p USING (product_id) WHERE d.upstream = product
$$;

CREATE OR REPLACE FUNCTION is_latest_of_any_date(e refresh_event) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether it is the latest refresh for a dependency that takes the one of any date.
    SELECT e.superseded_at IS NULL
        AND EXISTS (SELECT FROM data_product_dependencies d WHERE d.upstream = e.product_id AND d.max_age_seconds IS NOT NULL)
        AND NOT EXISTS (SELECT FROM refresh_event newer
            WHERE newer.product_id = e.product_id AND newer.refreshed_at > e.refreshed_at AND newer.superseded_at IS NULL
                AND (newer.status, newer.cycle, newer.account) IS NOT DISTINCT FROM (e.status, e.cycle, e.account))
$$;

CREATE OR REPLACE FUNCTION is_spent(e refresh_event, days integer, now_is timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether an event is older than that many days, by its receipt and by its date, and is not the latest that a dependency may take.
    SELECT greatest(e.received_at, e.business_date::timestamp AT TIME ZONE 'UTC') < now_is - make_interval(days => days) AND NOT is_latest_of_any_date(e)
$$;

CREATE OR REPLACE FUNCTION spent_events(on_date date, days integer, now_is timestamptz) RETURNS SETOF refresh_event
LANGUAGE sql STABLE AS $$
    SELECT e.* FROM (SELECT DISTINCT o.product_id FROM refresh_event o WHERE o.business_date = on_date) p
    CROSS JOIN LATERAL (SELECT greatest(days, days_needed(p.product_id)) AS days OFFSET 0) kept
    CROSS JOIN LATERAL (SELECT * FROM refresh_event o WHERE o.product_id = p.product_id AND o.business_date = on_date OFFSET 0) e
    WHERE is_spent(e, kept.days, now_is)
$$;

CREATE OR REPLACE FUNCTION plan_archive_page(days integer, most integer, now_is timestamptz) RETURNS archive_page
LANGUAGE plpgsql AS $$
-- The next page of runs that ended more than that many days ago; if there are none, of refresh events that decide over nothing any more; else null.
DECLARE
    moment timestamptz := now_is - make_interval(days => days);
    planned archive_page;
BEGIN
    INSERT INTO archive_page (kind, business_date, before, keys, products, entries)
    SELECT 'runs', first.business_date, moment, array_agg(r.run_id::text ORDER BY r.product_id, r.cycle), '{}', 0
    FROM (SELECT o.business_date FROM data_product_status o WHERE ended_before(o, moment) ORDER BY o.finished_at LIMIT 1) first
    CROSS JOIN LATERAL (SELECT * FROM data_product_status o WHERE o.business_date = first.business_date AND ended_before(o, moment)
        ORDER BY o.product_id, o.cycle LIMIT most) r
    GROUP BY first.business_date
    RETURNING * INTO planned;
    IF NOT FOUND THEN
        INSERT INTO archive_page (kind, business_date, before, keys, products, entries)
        SELECT 'refresh_events', first.business_date, moment, array_agg(e.event_key ORDER BY e.event_key COLLATE "C"), '{}', 0
        FROM (SELECT o.business_date FROM refresh_event o
            WHERE o.received_at < moment AND is_spent(o, greatest(days, days_needed(o.product_id)), now_is) ORDER BY o.received_at LIMIT 1) first
        CROSS JOIN LATERAL (SELECT * FROM spent_events(first.business_date, days, now_is) s ORDER BY s.event_key COLLATE "C" LIMIT most) e
        GROUP BY first.business_date
        RETURNING * INTO planned;
    END IF;
    RETURN planned;
END $$;

CREATE OR REPLACE FUNCTION claim_archive_page(
    days integer, most integer, now_is timestamptz, lease interval, OUT page text, OUT kind text, OUT business_date text, OUT busy boolean
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- The page to write next: the one that was begun, or a new one of at most `most` entries. Null if there is none, or if another worker is `busy`
-- with one: a page has one writer, until its lease ends.
DECLARE
    a archive_page;
BEGIN
    PERFORM pg_advisory_xact_lock(7204);
    SELECT * INTO a FROM archive_page b WHERE is_begun(b) LIMIT 1;
    busy := a.claimed_until > now_is IS TRUE;
    IF busy THEN
        RETURN;
    ELSIF a.page_id IS NULL THEN
        a := plan_archive_page(days, most, now_is);
    END IF;
    UPDATE archive_page b SET claimed_until = now_is + lease WHERE b.page_id = a.page_id;
    page := a.page_id;
    kind := a.kind;
    business_date := a.business_date;
END $$;

CREATE OR REPLACE FUNCTION archived_line(r data_product_status) RETURNS jsonb LANGUAGE sql STABLE AS $$
-- A run with all that belongs to it. Task tokens are secrets.
    SELECT to_jsonb(r) - 'task_token' || jsonb_build_object(
        'inputs', (SELECT coalesce(jsonb_agg(to_jsonb(d) - 'run_id' ORDER BY d.leaf, d.cycle), '[]') FROM inputs_of_run(r.run_id) d),
        'history', (SELECT coalesce(jsonb_agg(to_jsonb(h) - '{run_id,product_id,business_date,cycle}'::text[] ORDER BY h.history_id), '[]')
            FROM data_product_status_history h WHERE h.run_id = r.run_id),
        'input_history', (SELECT coalesce(jsonb_agg(to_jsonb(h) - 'run_id' ORDER BY h.history_id), '[]')
            FROM data_product_dependencies_events_status_history h WHERE h.run_id = r.run_id),
        'job_runs', (SELECT coalesce(jsonb_agg(to_jsonb(j) - '{run_id,task_token}'::text[] ORDER BY j.started_at, j.job_run_id), '[]')
            FROM job_run j WHERE j.run_id = r.run_id),
        'missed_deadlines', (SELECT coalesce(jsonb_agg(to_jsonb(m) - 'run_id' ORDER BY m.attempt), '[]') FROM missed_deadline m WHERE m.run_id = r.run_id),
        'metadata', (SELECT coalesce(jsonb_agg(to_jsonb(m) - 'run_id' ORDER BY m.attempt), '[]') FROM run_metadata m WHERE m.run_id = r.run_id),
        'effect_history', (SELECT coalesce(jsonb_agg(to_jsonb(h) - 'run_id' || jsonb_build_object('kind', e.kind) ORDER BY h.history_id), '[]')
            FROM effect_history h JOIN effect e USING (effect_id) WHERE h.run_id = r.run_id),
        'alerts', (SELECT coalesce(jsonb_agg(to_jsonb(a) - 'run_id' || jsonb_build_object('deliveries', (SELECT coalesce(jsonb_agg(
                to_jsonb(d) - 'alert_key' ORDER BY d.channel, d.target), '[]') FROM alert_delivery d WHERE d.alert_key = a.alert_key))
                    ORDER BY a.alert_key), '[]')
            FROM alert a WHERE a.run_id = r.run_id))
$$;

CREATE OR REPLACE FUNCTION archived_entries(a archive_page, first integer) RETURNS TABLE (number integer, key text, product_id text, line text)
LANGUAGE sql STABLE AS $$
-- What a page holds, from that entry on: one line of JSON each. A run that was started again meanwhile is not in it any more.
    SELECT k.number::integer, k.run_id::text, r.product_id, archived_line(r)::text
    FROM unnest(CASE a.kind WHEN 'runs' THEN a.keys::uuid[] END) WITH ORDINALITY AS k(run_id, number)
    CROSS JOIN LATERAL (SELECT * FROM data_product_status o WHERE o.run_id = k.run_id OFFSET 0) r
    WHERE k.number >= first AND ended_before(r, a.before)
    UNION ALL
    SELECT k.number::integer, e.event_key, e.product_id, to_jsonb(e)::text
    FROM unnest(CASE a.kind WHEN 'refresh_events' THEN a.keys END) WITH ORDINALITY AS k(event_key, number)
    CROSS JOIN LATERAL (SELECT * FROM refresh_event o WHERE o.event_key = k.event_key OFFSET 0) e
    WHERE k.number >= first
$$;

CREATE OR REPLACE FUNCTION archive_lines(of_page text, after text) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The lines of a page in pieces of at most 8,000 characters, those after the piece whose key is `after`, as many as fit into an answer. The first
-- piece of a line has the number 0.
-- `OFFSET 0`: a line is made once, and not again for each of its pieces.
    SELECT p.key, p.piece FROM (
        SELECT numbered(e.number) || ' ' || numbered(part) AS key, cut.piece, sum(wire_bytes(cut.piece) + 50) OVER (ORDER BY e.number, part) AS total
        FROM archive_page a
        CROSS JOIN LATERAL (SELECT * FROM archived_entries(a, coalesce(nullif(split_part(after, ' ', 1), '')::integer, 1)) OFFSET 0) e
        CROSS JOIN LATERAL generate_series(0, (length(e.line) - 1) / 8000) part
        CROSS JOIN LATERAL (SELECT substr(e.line, part * 8000 + 1, 8000) AS piece OFFSET 0) cut
        WHERE a.page_id = of_page::uuid AND numbered(e.number) || ' ' || numbered(part) > after) p
    WHERE p.total <= 900000 ORDER BY p.key
$$;

CREATE OR REPLACE FUNCTION delete_runs(runs uuid[]) RETURNS void LANGUAGE sql AS $$
-- With all that belongs to them.
    DELETE FROM alert_delivery WHERE alert_key = ANY (ARRAY(SELECT a.alert_key FROM alert a WHERE a.run_id = ANY (runs)));
    DELETE FROM alert WHERE run_id = ANY (runs);
    DELETE FROM effect WHERE run_id = ANY (runs);
    DELETE FROM job_run WHERE run_id = ANY (runs);
    DELETE FROM data_product_dependencies_events_status WHERE run_id = ANY (runs);
    DELETE FROM data_product_dependencies_events_status_history WHERE run_id = ANY (runs);
    DELETE FROM data_product_status_history WHERE run_id = ANY (runs);
    DELETE FROM data_product_status WHERE run_id = ANY (runs)
$$;

CREATE OR REPLACE FUNCTION finish_archive_page(of_page text, digest text, written_to text, now_is timestamptz) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Deletes here what was written there, and gives how many entries; `digest` is the SHA-256 of the lines as they were written. Null if the page has
-- changed since they were read: then it is to be written again.
DECLARE
    a archive_page;
    written text;
    held text[];
    whose text[];
BEGIN
    SELECT * INTO a FROM archive_page WHERE page_id = of_page::uuid FOR UPDATE;
    IF a.archived_at IS NOT NULL THEN
        RETURN a.entries;  -- the reply was lost
    END IF;
    PERFORM FROM data_product_status WHERE run_id = ANY (CASE a.kind WHEN 'runs' THEN a.keys::uuid[] END) ORDER BY run_id FOR UPDATE;
    SELECT encode(sha256(convert_to(coalesce(string_agg(e.line || E'\n', '' ORDER BY e.number), ''), 'UTF8')), 'hex'), coalesce(array_agg(e.key), '{}'),
        coalesce(array_agg(DISTINCT e.product_id), '{}')
    INTO written, held, whose FROM archived_entries(a, 1) e;
    IF written <> digest THEN
        RETURN NULL;
    ELSIF held = '{}' THEN
        DELETE FROM archive_page WHERE page_id = of_page::uuid;
    ELSIF a.kind = 'runs' THEN
        PERFORM delete_runs(held::uuid[]);
    ELSE
        DELETE FROM refresh_event WHERE event_key = ANY (held);
    END IF;
    UPDATE archive_page SET archived_at = now_is, location = written_to, entries = cardinality(held), products = whose, keys = '{}', claimed_until = NULL
    WHERE page_id = of_page::uuid;
    RETURN cardinality(held);
END $$;
