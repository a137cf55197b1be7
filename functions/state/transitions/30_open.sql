-- Opening runs: with every dependency WAITING, and what arrived early counted.
-- Opening by schedule and recording events exclude each other (`lock_openings`), so that no event falls between.

CREATE OR REPLACE FUNCTION runs_here(p data_product) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether runs of the product are opened and started here.
    SELECT p.active AND p.machine IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION why_no_runs(p data_product) RETURNS text
LANGUAGE sql STABLE AS $$
-- Why they are not; null if they are.
    SELECT CASE WHEN NOT p.active THEN p.product_id || ' was removed from the catalog'
        WHEN p.runs_in IS NOT NULL THEN p.product_id || ' runs in ' || p.runs_in || ' now'
        WHEN p.machine IS NULL THEN p.product_id || ' has no pipeline any more' END
$$;

CREATE OR REPLACE FUNCTION open_runs(wanted jsonb, now_is timestamptz, actor text, late boolean DEFAULT true) RETURNS uuid[]
LANGUAGE plpgsql AS $$
-- Opens [{product_id, business_date, cycle, opens_at}]; those that were opened before, be they here or in the archive, stay as they are. Gives
-- the new runs. `opens_at` is the opening of the schedule, null without one. With `late` false, runs that would be late already have no SLA,
-- unless they were found late before.
DECLARE
    opened uuid[];
BEGIN
    WITH opening AS (
        INSERT INTO data_product_status (run_id, product_id, business_date, cycle, opened_at, deadline_at, due_at, late_notified, event, changed_at,
            changed_by, shadow)
        SELECT coalesce(u.run_id, gen_random_uuid()), p.product_id, w.business_date, w.cycle, now_is,
            now_is + make_interval(secs => p.deadline_seconds),
            CASE WHEN u.late_at IS NOT NULL THEN u.due_at WHEN p.sla_since IS NOT NULL THEN sla_at_opening(p, w.business_date, w.opens_at, now_is, late) END,
            u.late_at IS NOT NULL, 'opened', now_is, actor, in_shadow()
        FROM jsonb_to_recordset(wanted) AS w(product_id text, business_date date, cycle text, opens_at timestamptz)
        JOIN data_product p USING (product_id)
        LEFT JOIN unmade_opening u USING (product_id, business_date, cycle)
        WHERE runs_here(p) AND NOT is_archived(p.product_id, w.business_date)
        -- two that open the same runs wait for each other in one order; of several openings for one date the first counts
        ORDER BY p.product_id, w.business_date, w.cycle, w.opens_at
        ON CONFLICT (product_id, business_date, cycle) DO NOTHING
        RETURNING run_id
    )
    SELECT coalesce(array_agg(run_id), '{}') INTO opened FROM opening;

    INSERT INTO data_product_dependencies_events_status
        (run_id, leaf, cycle, upstream, account, statuses, required_date, max_age_seconds, not_before, event, changed_at)
    SELECT r.run_id, i.*, now_is - make_interval(secs => i.max_age_seconds), 'opened', now_is
    FROM data_product_status r CROSS JOIN LATERAL inputs_of(r.product_id, r.business_date, r.cycle) i
    WHERE r.run_id = ANY (opened);

    PERFORM sweep(opened, actor, now_is);
    PERFORM match_arrivals(opened, NULL, now_is);
    PERFORM advance(opened, now_is, 'everything had arrived', actor);

    PERFORM store_start_effects(opened, now_is);
    RETURN opened;
END $$;

CREATE OR REPLACE FUNCTION execution_of(r data_product_status, p data_product) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- The execution of a run's attempt: <product>-<business_date>[-<cycle>]-<attempt>, and its input.
    SELECT jsonb_build_object(
        'machine', p.machine,
        'name', p.execution_prefix || '-' || r.business_date || CASE WHEN r.cycle = '' THEN '' ELSE '-' || r.cycle END || '-' || r.attempt,
        'input', jsonb_build_object('run_id', r.run_id, 'product', r.product_id, 'business_date', r.business_date,
            'cycle', r.cycle, 'attempt', r.attempt))
$$;

CREATE OR REPLACE FUNCTION store_start_effects(runs uuid[], now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- The execution of each run's attempt is due, unless the attempt has ended already.
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'start ' || r.run_id || ' ' || r.attempt, 'start_execution', r.run_id, r.attempt, execution_of(r, p), now_is
    FROM data_product_status r JOIN data_product p USING (product_id)
    WHERE r.run_id = ANY (runs) AND r.status = 'WAITING'
    ON CONFLICT (effect_key) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION stop_machines(runs uuid[], of_cause text, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- The (locked) runs have ended while they were WAITING: nothing of them is due any more, and the machines that wait are stopped. A machine
-- that starts nevertheless finds that its run has ended.
    UPDATE effect SET done_at = now_is, outcome = 'not performed: ' || of_cause WHERE run_id = ANY (runs) AND done_at IS NULL;
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'stop ' || r.run_id || ' ' || r.attempt, 'stop_execution', r.run_id, r.attempt,
        jsonb_build_object('execution_arn', r.execution_arn, 'cause', of_cause), now_is
    FROM data_product_status r WHERE r.run_id = ANY (runs) AND r.execution_arn IS NOT NULL
    ON CONFLICT (effect_key) DO NOTHING
$$;

CREATE OR REPLACE FUNCTION fits_input(e refresh_event, statuses text[], account text, cycle text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- Whether an event of the upstream has the status, the account (null: any) and the cycle ('*': any) of a dependency, of whatever date it is. Inlined.
    SELECT e.status = ANY (statuses) AND (cycle = '*' OR e.cycle = cycle) AND (account IS NULL OR e.account = account)
$$;

CREATE OR REPLACE FUNCTION counts_for(e refresh_event, statuses text[], account text, required_date date, not_before timestamptz, cycle text)
RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
-- Whether an event of the upstream is what a dependency waits for: null stands for any account, any date and any age, '*' for any cycle.
    SELECT e.superseded_at IS NULL AND fits_input(e, statuses, account, cycle)
        AND (required_date IS NULL OR e.business_date = required_date)
        AND (not_before IS NULL OR e.refreshed_at >= not_before)
$$;

CREATE OR REPLACE FUNCTION arrival_for(
    upstream text, statuses text[], account text, required_date date, not_before timestamptz, cycle text
) RETURNS TABLE (event_key text, received_at timestamptz)
LANGUAGE sql STABLE AS $$
-- The latest event in the inbox that is what a dependency waits for: of its date, or not older than `not_before`.
    SELECT (event).event_key, (event).received_at
    FROM (
        SELECT e AS event FROM refresh_event e WHERE e.product_id = upstream AND e.business_date = required_date
        UNION ALL
        SELECT e FROM refresh_event e WHERE required_date IS NULL AND e.product_id = upstream AND e.refreshed_at >= not_before
    ) candidate
    WHERE counts_for(event, statuses, account, required_date, not_before, cycle)
    ORDER BY (event).refreshed_at DESC, (event).event_key LIMIT 1
$$;

CREATE OR REPLACE FUNCTION match_arrivals(runs uuid[], upstreams text[], now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- Marks as ARRIVED what the (locked) runs wait for and the inbox holds; `upstreams` limits it to those products.
    UPDATE data_product_dependencies_events_status d
    SET status = 'ARRIVED', event = 'arrived', event_key = found.event_key, arrived_at = found.received_at, changed_at = now_is
    FROM (
        SELECT d.run_id, d.leaf, d.cycle, e.event_key, e.received_at
        FROM data_product_dependencies_events_status d
        CROSS JOIN LATERAL arrival_for(d.upstream, d.statuses, d.account, d.required_date, d.not_before, d.cycle) e
        WHERE d.run_id = ANY (runs) AND d.status = 'WAITING' AND (upstreams IS NULL OR d.upstream = ANY (upstreams))
    ) found
    WHERE d.run_id = found.run_id AND d.leaf = found.leaf AND d.cycle = found.cycle
$$;

CREATE OR REPLACE FUNCTION lock_openings(shared boolean) RETURNS void
LANGUAGE sql AS $$
-- Until the end of the transaction: one that makes runs wait (opens them, runs them again, loads the catalog) excludes the others; those that
-- end what several runs may wait for (record events and ends of jobs, end a hold, repair) share it. It comes before any lock of a row.
    SELECT pg_advisory_xact_lock_shared(7201) WHERE shared;
    SELECT pg_advisory_xact_lock(7201) WHERE NOT shared
$$;

CREATE OR REPLACE FUNCTION dependencies_that_open(upstream text) RETURNS SETOF data_product_dependencies
LANGUAGE sql STABLE AS $$
-- The dependencies on the product of those whose runs are opened by events. What files open is opened by the first of them, and where they name
-- the cycle by them alone.
    SELECT * FROM data_product_dependencies d
    WHERE d.upstream = dependencies_that_open.upstream AND product_of_files(d.upstream) IS NULL
        AND NOT EXISTS (SELECT FROM data_product_dependencies s WHERE s.product_id = d.product_id AND s.cycle = 'same' OFFSET 0)
        AND EXISTS (SELECT FROM data_product p WHERE p.product_id = d.product_id AND runs_here(p) OFFSET 0)
        AND NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = d.product_id OFFSET 0)
    OFFSET 0
$$;

CREATE OR REPLACE FUNCTION products_opened_by(upstreams text[]) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
-- The products without a schedule that wait for one of these.
    SELECT DISTINCT d.product_id FROM unnest(upstreams) AS u(name) CROSS JOIN LATERAL dependencies_that_open(u.name) d
$$;

CREATE OR REPLACE FUNCTION lock_products_opened_by(upstreams text[]) RETURNS void
LANGUAGE sql AS $$
-- Events that may open runs of the same product take turns: the second sees what the first opened. Before any lock of a run.
    SELECT FROM data_product p
    WHERE p.product_id = ANY (ARRAY(SELECT products_opened_by(upstreams)))
    ORDER BY p.product_id FOR NO KEY UPDATE OF p
$$;

CREATE OR REPLACE FUNCTION oldest_opening(now_is timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
-- The scheduler opens no run whose opening was before this, as when it was away for long.
    SELECT now_is - interval '3 days'
$$;

CREATE OR REPLACE FUNCTION openings_since(products text[], since timestamptz, now_is timestamptz)
RETURNS TABLE (product_id text, business_date date, cycle text, opens_at timestamptz)
LANGUAGE sql STABLE AS $$
-- Every opening that the schedules of the products have made due after `since` and after the openings made before.
    SELECT s.product_id, o.business_date, o.cycle, o.at
    FROM data_product_schedule s
    JOIN data_product p USING (product_id)
    CROSS JOIN LATERAL openings_of(s, greatest(s.opened_until, since), now_is) o
    WHERE runs_here(p) AND s.product_id = ANY (products)
        AND (p.cycles_changed_at IS NULL OR o.cycle <> ALL (replaced_cycles(s.product_id, o.business_date)))
$$;

CREATE OR REPLACE FUNCTION pass_over(products text[], now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- Keeps which openings the scheduler passes over because they are older than `oldest_opening`: of the last year, those that have no run. What a sweep
-- would have taken is taken by the next one.
    INSERT INTO unmade_opening AS u (product_id, business_date, cycle, opens_at, due_at, passed_over_at)
    SELECT o.product_id, o.business_date, o.cycle, min(o.opens_at), min(sla_due(p, o.business_date, o.opens_at, NULL)), now_is
    FROM openings_since(ARRAY(SELECT s.product_id FROM data_product_schedule s
            WHERE s.product_id = ANY (products) AND s.opened_until < oldest_opening(now_is)), now_is - interval '1 year', oldest_opening(now_is)) o
    JOIN data_product p USING (product_id)
    WHERE NOT EXISTS (SELECT FROM runs_of_date(o.product_id, o.business_date) r WHERE r.cycle = o.cycle) AND NOT sweeps(o.product_id)
    GROUP BY o.product_id, o.business_date, o.cycle
    ON CONFLICT (product_id, business_date, cycle) DO UPDATE SET passed_over_at = coalesce(u.passed_over_at, excluded.passed_over_at)
$$;

CREATE OR REPLACE FUNCTION passed_over(since timestamptz) RETURNS TABLE (product text, count bigint, first date, last date)
LANGUAGE sql STABLE AS $$
-- Of each product here how many openings the scheduler has passed over since that moment that have no run yet, with their first and last date.
    SELECT u.product_id, count(*), min(u.business_date), max(u.business_date)
    FROM unmade_opening u JOIN data_product p USING (product_id)
    WHERE u.passed_over_at >= since AND runs_here(p) AND NOT EXISTS (SELECT FROM runs_of_date(u.product_id, u.business_date) r WHERE r.cycle = u.cycle)
    GROUP BY u.product_id
$$;

CREATE OR REPLACE FUNCTION is_of_the_database(code text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- Whether an error with this SQLSTATE concerns the database or the transaction, and not the one row that was worked on (PostgreSQL, Appendix A).
    SELECT code ~ '^(08|40|53|55|57|58|XX)'
$$;

CREATE OR REPLACE FUNCTION open_apart(products text[], keys text[], now_is timestamptz, actor text, OUT due integer, OUT opened integer, OUT failed jsonb)
LANGUAGE plpgsql AS $$
-- Opens the runs of the products that these events open; without events those that their schedules have made due since `oldest_opening`. If a
-- product causes an error, it is left with the error and the others are opened: halves are tried until it is alone. `failed` [{product, error}].
DECLARE
    wanted jsonb;
    middle integer := (cardinality(products) + 1) / 2;
    half record;
BEGIN
    due := 0;
    opened := 0;
    failed := '[]';
    IF products = '{}' THEN
        RETURN;
    END IF;
    BEGIN
        IF keys IS NULL THEN
            PERFORM pass_over(products, now_is);
            SELECT jsonb_agg(to_jsonb(o)) INTO wanted FROM openings_since(products, oldest_opening(now_is), now_is) o;
            UPDATE data_product_schedule SET opened_until = now_is WHERE opened_until < now_is AND product_id = ANY (products);
        ELSE
            SELECT jsonb_agg(to_jsonb(o) || '{"cycle": ""}') INTO wanted FROM opened_by_events(products, keys, now_is) o;
        END IF;
        IF wanted IS NOT NULL THEN
            due := jsonb_array_length(wanted);
            opened := cardinality(open_runs(wanted, now_is, actor));
        END IF;
        UPDATE data_product SET opening_error = NULL WHERE opening_error IS NOT NULL AND product_id = ANY (products);
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        IF is_of_the_database(SQLSTATE) THEN
            RAISE;  -- of the database, and of no product
        ELSIF cardinality(products) = 1 THEN
            due := 0;
            failed := jsonb_build_array(jsonb_build_object('product', products[1], 'error', left(SQLERRM, 500)));
            UPDATE data_product SET opening_error = left(SQLERRM, 500) WHERE product_id = products[1];
            RETURN;
        END IF;
    END;
    due := 0;
    FOR half IN
        SELECT h.* FROM (VALUES (products[:middle]), (products[middle + 1:])) AS part(names)
        CROSS JOIN LATERAL open_apart(part.names, keys, now_is, actor) h
    LOOP
        due := due + half.due;
        opened := opened + half.opened;
        failed := failed || half.failed;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION open_due_runs(
    now_is timestamptz, actor text, OUT due integer, OUT opened integer, OUT failed jsonb, OUT passed_over jsonb
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Opens every run whose schedule has fired since the last time. Gives how many openings were due, how many runs are new, and the products
-- whose runs could not be opened [{product, error}], and those of which openings are too old to be made [{product, count, first, last}], as far as they fit.
BEGIN
    PERFORM lock_openings(false);
    SELECT a.due, a.opened, cut(a.failed, 50000) INTO due, opened, failed
    FROM open_apart(ARRAY(SELECT product_id FROM data_product_schedule ORDER BY product_id), NULL, now_is, actor) a;
    SELECT coalesce(cut(jsonb_agg(to_jsonb(p) ORDER BY p.product), 50000), '[]') INTO passed_over FROM passed_over(now_is) p;
END $$;
