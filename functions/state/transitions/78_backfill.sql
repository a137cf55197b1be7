-- Backfill: the runs of past business dates, all at once or a few after the others.

CREATE OR REPLACE FUNCTION products_to_backfill(what text) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
-- The product of that name, or the products of the domain of that name, that have a pipeline here and do not sweep.
DECLARE
    products text[] := ARRAY(SELECT product_id FROM data_product p WHERE runs_here(p) AND what IN (product_id, domain) AND NOT sweeps(product_id)
        ORDER BY product_id);
BEGIN
    IF products <> '{}' THEN
        RETURN products;
    ELSIF EXISTS (SELECT FROM data_product p WHERE what IN (p.product_id, p.domain) AND runs_here(p)) THEN
        RAISE EXCEPTION 'IllegalTransition: % sweeps: no past date has files of its own. The next opening of its schedule takes what is there', what;
    ELSIF EXISTS (SELECT FROM data_product WHERE product_id = what AND active) THEN
        RAISE EXCEPTION 'NoPipeline: % has no pipeline in this account, so it has no runs; it is refreshed elsewhere', what;
    ELSIF EXISTS (SELECT FROM data_product WHERE domain = what AND active) THEN
        RAISE EXCEPTION 'NoPipeline: no product of % has a schedule and a pipeline in this account; name one product', what;
    ELSIF what LIKE '%/%' THEN
        RAISE EXCEPTION 'UnknownProduct: %', what;
    END IF;
    RAISE EXCEPTION 'NoPipeline: % has no pipeline in this account', what;
END $$;

CREATE OR REPLACE FUNCTION dependency_depths(products text[]) RETURNS TABLE (product_id text, depth integer)
LANGUAGE sql STABLE AS $$
-- How many of these products have to be refreshed one after the other before each, for the same date; a hundred stands for more.
    WITH RECURSIVE chain(product_id, depth) AS (
        SELECT name, 0 FROM unnest(products) name
        UNION
        SELECT d.product_id, c.depth + 1 FROM chain c JOIN data_product_dependencies d ON d.upstream = c.product_id
        WHERE d.product_id = ANY (products) AND d.offset_days = 0 AND d.max_age_seconds IS NULL AND c.depth < 100
    )
    SELECT chain.product_id, max(chain.depth) FROM chain GROUP BY chain.product_id
$$;

CREATE OR REPLACE FUNCTION openings_between(products text[], first date, last date)
RETURNS TABLE (product_id text, business_date date, cycle text, opens_at timestamptz)
LANGUAGE sql STABLE AS $$
-- What the schedules of the products open for these business dates, and when; every date for one without a schedule.
    SELECT s.product_id, o.business_date, o.cycle, min(o.at)
    FROM data_product_schedule s CROSS JOIN LATERAL openings_of(s, (first - abs(s.date_offset) * 2 - 41)::timestamp AT TIME ZONE s.timezone,
        (last + abs(s.date_offset) * 2 + 41)::timestamp AT TIME ZONE s.timezone) o
    WHERE s.product_id = ANY (products) AND o.business_date BETWEEN first AND last
    GROUP BY s.product_id, o.business_date, o.cycle
    UNION ALL
    SELECT name, day::date, '', NULL FROM unnest(products) name CROSS JOIN generate_series(first, last, interval '1 day') day
    WHERE NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = name)
$$;

CREATE OR REPLACE FUNCTION opened_by_inbox(products text[], first date, last date, now_is timestamptz) RETURNS TABLE (product_id text, business_date date)
LANGUAGE sql STABLE AS $$
-- The runs for these dates that events which were received open, of those of the products that have no schedule.
    SELECT DISTINCT o.product_id, o.business_date
    FROM (SELECT array_agg(name) AS names FROM unnest(products) name WHERE NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = name)) w
    CROSS JOIN LATERAL (
        SELECT array_agg(e.event_key) AS keys
        FROM (SELECT DISTINCT d.upstream FROM data_product_dependencies d WHERE d.product_id = ANY (w.names)) u
        CROSS JOIN LATERAL (SELECT * FROM refresh_event e WHERE e.product_id = u.upstream AND e.business_date BETWEEN first - 40 AND last + 40 OFFSET 0) e
        WHERE e.superseded_at IS NULL) inbox
    CROSS JOIN LATERAL opened_by_events(w.names, inbox.keys, now_is) o
    WHERE o.business_date BETWEEN first AND last
$$;

CREATE OR REPLACE FUNCTION runs_to_backfill(what text, first date, last date, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
-- The runs of the product or the domain for these dates [{product_id, business_date, cycle, opens_at, place}], in an order in which each comes after those that
-- it waits for. Of a domain: what its schedules open and, where there is none, what received events open.
DECLARE
    products text[] := products_to_backfill(what);
    scheduled text[] := CASE WHEN what LIKE '%/%' THEN products ELSE ARRAY(SELECT product_id FROM data_product_schedule WHERE product_id = ANY (products)) END;
    wanted jsonb;
BEGIN
    IF (last - first + 1) * cardinality(products) > 10000 OR last - first > 1000 THEN
        RAISE EXCEPTION 'TooMuch: at most 1,000 days of a product and 10,000 runs at once, not % days of % products',
            last - first + 1, cardinality(products);
    END IF;
    SELECT coalesce(jsonb_agg(jsonb_build_object('product_id', r.product_id, 'business_date', r.business_date, 'cycle', r.cycle, 'opens_at',
        r.opens_at, 'place', r.place)
        ORDER BY r.place), '[]') INTO wanted
    FROM (
        SELECT r.*, row_number() OVER (ORDER BY r.business_date, d.depth, r.product_id, r.cycle) AS place
        FROM (
            SELECT * FROM openings_between(scheduled, first, last)
            UNION
            SELECT o.product_id, o.business_date, '', NULL FROM opened_by_inbox(products, first, last, now_is) o WHERE what NOT LIKE '%/%'
        ) r JOIN dependency_depths(products) d USING (product_id)) r;
    RETURN wanted;
END $$;

CREATE OR REPLACE FUNCTION backfill(what text, of_first date, of_last date, at_once integer, actor text, now_is timestamptz,
    OUT opened integer, OUT existing integer, OUT planned integer, OUT backfill integer, OUT business_date date, OUT until date)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
-- Opens the runs of past business dates, by default of the date that schedules opened last. With `at_once` it opens so many now, and as these end
-- those that are `planned`: it is the `backfill` of that number. `existing` runs stay as they are.
DECLARE
    wanted jsonb;
    number integer;
BEGIN
    PERFORM lock_openings(false);
    PERFORM products_to_backfill(what);
    business_date := coalesce(of_first, latest_opening(what, now_is));
    until := coalesce(of_last, business_date);
    IF business_date IS NULL THEN
        RAISE EXCEPTION 'IllegalTransition: no schedule of % has opened a run yet; name the business date with --date', what;
    ELSIF until < business_date THEN
        RAISE EXCEPTION 'IllegalTransition: /until % is before /business_date %', until, business_date;
    END IF;
    wanted := runs_to_backfill(what, business_date, until, now_is);
    IF at_once IS NULL THEN
        opened := cardinality(open_runs(wanted, now_is, actor, late => false));
        existing := jsonb_array_length(wanted) - opened;
        planned := 0;
        RETURN;
    END IF;
    INSERT INTO backfill (what, first_date, last_date, at_once, made_at, made_by) VALUES (what, business_date, until, at_once, now_is, actor)
    RETURNING backfill_id INTO number;
    INSERT INTO backfill_run (backfill_id, place, product_id, business_date, cycle, opens_at)
    SELECT number, w.place, w.product_id, w.business_date, w.cycle, w.opens_at
    FROM jsonb_to_recordset(wanted) AS w(product_id text, business_date date, cycle text, opens_at timestamptz, place integer)
    WHERE NOT EXISTS (SELECT FROM runs_of_date(w.product_id, w.business_date) r WHERE r.cycle = w.cycle)
        AND NOT is_archived(w.product_id, w.business_date);
    GET DIAGNOSTICS planned = ROW_COUNT;
    existing := jsonb_array_length(wanted) - planned;
    opened := continue_backfill(number, actor, now_is);
    planned := planned - opened;
    IF opened + planned = 0 THEN
        DELETE FROM backfill WHERE backfill_id = number;
    ELSE
        backfill := number;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION unfinished_of_backfill(number integer) RETURNS bigint
LANGUAGE sql STABLE AS $$
-- How many runs of the backfill had their turn and have not ended.
    SELECT count(*) FROM backfill_run b CROSS JOIN LATERAL runs_of_date(b.product_id, b.business_date) r
    WHERE b.backfill_id = number AND b.taken_at IS NOT NULL AND r.cycle = b.cycle AND r.status IN ('WAITING', 'PROCESSING')
$$;

CREATE OR REPLACE FUNCTION continue_backfill(number integer, actor text, now_is timestamptz) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Opens the next runs of the backfill, as many as may be unfinished at once; it ends with the last. Gives how many were opened. The caller has
-- excluded other openings.
DECLARE
    b backfill;
    there jsonb;
    next jsonb;
    opened integer := 0;
BEGIN
    SELECT * INTO b FROM backfill WHERE backfill_id = number AND ended_at IS NULL
        AND NOT EXISTS (SELECT FROM backfill_listing l WHERE l.backfill_id = number AND l.listed_at IS NULL) FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    WITH otherwise AS (
        UPDATE backfill_run r SET taken_at = now_is
        WHERE r.backfill_id = number AND r.taken_at IS NULL AND EXISTS (SELECT FROM runs_of_date(r.product_id, r.business_date) o WHERE o.cycle = r.cycle)
        RETURNING r.product_id, r.business_date, r.cycle
    )
    SELECT jsonb_agg(to_jsonb(otherwise)) INTO there FROM otherwise;
    WITH turn AS (
        SELECT * FROM backfill_run r WHERE r.backfill_id = number AND r.taken_at IS NULL
        ORDER BY r.place LIMIT greatest(b.at_once - unfinished_of_backfill(number), 0)
    ), taken AS (
        UPDATE backfill_run r SET taken_at = now_is FROM turn WHERE r.backfill_id = number AND r.place = turn.place
        RETURNING r.product_id, r.business_date, r.cycle, r.opens_at
    )
    SELECT jsonb_agg(to_jsonb(taken)) INTO next FROM taken;
    IF next IS NOT NULL THEN
        opened := cardinality(open_runs(next, now_is, actor, late => false));
    END IF;
    IF EXISTS (SELECT FROM backfill_listing l WHERE l.backfill_id = number) THEN
        PERFORM follow_landed(coalesce(there, '[]') || coalesce(next, '[]'), now_is);
    END IF;
    UPDATE backfill SET error = NULL, ended_at = CASE WHEN NOT EXISTS (SELECT FROM backfill_run r WHERE r.backfill_id = number AND r.taken_at IS NULL)
        AND unfinished_of_backfill(number) = 0 THEN now_is END
    WHERE backfill_id = number;
    RETURN opened;
END $$;

CREATE OR REPLACE FUNCTION continue_backfills(now_is timestamptz) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Opens the next runs of every backfill that is under way. Gives how many were opened. One that causes an error keeps it, and no other from its turn.
DECLARE
    b backfill;
    opened integer := 0;
BEGIN
    IF NOT EXISTS (SELECT FROM backfill WHERE ended_at IS NULL) THEN
        RETURN 0;
    END IF;
    PERFORM lock_openings(false);
    FOR b IN SELECT * FROM backfill WHERE ended_at IS NULL ORDER BY backfill_id LOOP
        BEGIN
            opened := opened + continue_backfill(b.backfill_id, b.made_by, now_is);
        EXCEPTION WHEN OTHERS THEN
            IF is_of_the_database(SQLSTATE) THEN
                RAISE;  -- of the database, and of no backfill
            END IF;
            UPDATE backfill SET error = left(SQLERRM, 500) WHERE backfill_id = b.backfill_id;
        END;
    END LOOP;
    RETURN opened;
END $$;

CREATE OR REPLACE FUNCTION stop_backfill(number integer, actor text, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Ends a backfill that is under way: it opens no more runs. Those that it has opened go on.
DECLARE
    b backfill;
BEGIN
    SELECT * INTO b FROM backfill WHERE backfill_id = number FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'IllegalTransition: there is no backfill %; `headgate backfill --list` lists them', number;
    ELSIF b.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'IllegalTransition: backfill % ended %', number, to_char(b.ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI"Z"');
    END IF;
    UPDATE backfill SET ended_at = now_is, stopped_by = actor WHERE backfill_id = number;
    RETURN jsonb_build_object('backfill', number, 'unfinished', unfinished_of_backfill(number),
        'left', (SELECT count(*) FROM backfill_run r WHERE r.backfill_id = number AND r.taken_at IS NULL));
END $$;

CREATE OR REPLACE FUNCTION backfills(after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The backfills, the latest first, at most `page` after the key `after`: how far each is, with its runs by status.
    SELECT p.* FROM page_of((SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('key', lpad((2147483647 - b.backfill_id)::text, 10, '0'),
            'backfill', b.backfill_id, 'what', b.what, 'business_date', nullif(b.first_date, '0001-01-01'), 'until', nullif(b.last_date, '9999-12-31'),
            'at_once', b.at_once, 'by', b.made_by, 'listing', listing_of(b.backfill_id),
            'made_at', b.made_at, 'ended_at', b.ended_at, 'stopped_by', b.stopped_by, 'error', b.error, 'runs', runs.total, 'statuses', runs.statuses))
            ORDER BY b.backfill_id DESC)
        FROM (SELECT * FROM backfill WHERE lpad((2147483647 - backfill_id)::text, 10, '0') > after ORDER BY backfill_id DESC LIMIT page) b
        CROSS JOIN LATERAL (
            SELECT sum(count)::integer AS total, jsonb_object_agg(status, count) AS statuses FROM (
                SELECT CASE WHEN r.taken_at IS NULL THEN 'PLANNED' ELSE coalesce(s.status, 'NOT OPENED') END AS status, count(*) AS count
                FROM backfill_run r LEFT JOIN LATERAL (SELECT * FROM runs_of_date(r.product_id, r.business_date) d WHERE d.cycle = r.cycle) s ON true
                WHERE r.backfill_id = b.backfill_id GROUP BY 1) each) runs)) p
$$;

CREATE OR REPLACE FUNCTION in_open_backfill(run uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether the end of the run may give another one of a backfill its turn.
    SELECT EXISTS (SELECT FROM run_of(run) r JOIN backfill_run b ON b.product_id = r.product_id AND b.business_date = r.business_date AND b.cycle = r.cycle
        JOIN backfill f ON f.backfill_id = b.backfill_id WHERE f.ended_at IS NULL)
$$;
