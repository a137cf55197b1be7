-- What a run waits for, by the metadata of its product, and how an open run takes what changed.

CREATE OR REPLACE FUNCTION replaced_cycles(product text, on_date date) RETURNS text[]
LANGUAGE sql STABLE AS $$
-- The cycles that are new in the product's schedule and whose openings for that date were made under their former names: each run of a
-- former cycle stands for one new cycle, in order.
    SELECT (ARRAY(SELECT name FROM unnest(now.cycles) WITH ORDINALITY AS n(name, place) WHERE name <> ALL (p.former_cycles) ORDER BY place))
        [:(SELECT count(*) FROM data_product_status r WHERE r.product_id = product AND r.business_date = on_date AND r.cycle <> ALL (now.cycles))]
    FROM data_product p LEFT JOIN data_product_schedule s USING (product_id)
    CROSS JOIN LATERAL (SELECT cycle_names(s.times) AS cycles) now
    WHERE p.product_id = product
$$;

CREATE OR REPLACE FUNCTION cycles_of_date(product text, on_date date) RETURNS text[]
LANGUAGE sql STABLE AS $$
-- The cycles in which the product is refreshed for that date: those of its runs, and those that are still to be opened. Empty if there are none.
    SELECT ARRAY(
        SELECT r.cycle FROM data_product_status r WHERE r.product_id = product AND r.business_date = on_date
        UNION
        SELECT o.cycle FROM data_product_schedule s JOIN data_product p USING (product_id) CROSS JOIN LATERAL openings_for(s, on_date) o
        WHERE s.product_id = product AND p.machine IS NOT NULL AND o.at > s.opened_until AND o.cycle <> ALL (replaced_cycles(product, on_date))
        ORDER BY 1)
$$;

CREATE OR REPLACE FUNCTION cycles_needed(d data_product_dependencies, on_date date) RETURNS text[]
LANGUAGE sql STABLE AS $$
-- The cycles of an upstream whose cycles have changed that a dependency needs of that date, null for any. A cycle of that name which does
-- not come is replaced by the one before it.
    SELECT CASE WHEN on_date IS NULL OR d.cycle = 'any' OR day.cycles = '{}' THEN d.cycles
        WHEN day.cycles = '{""}' THEN ARRAY[NULL::text]
        WHEN d.cycle = 'every' THEN day.cycles
        WHEN d.cycle = 'last' THEN day.cycles[cardinality(day.cycles):]
        ELSE ARRAY[coalesce((SELECT max(cycle) FROM unnest(day.cycles) cycle WHERE cycle <= d.cycle), day.cycles[1])] END
    FROM (SELECT cycles_of_date(d.upstream, on_date) AS cycles) day
$$;

CREATE OR REPLACE FUNCTION inputs_of(of_product text, on_date date, of_cycle text)
RETURNS TABLE (leaf integer, cycle text, upstream text, account text, statuses text[], required_date date, max_age_seconds integer)
LANGUAGE sql STABLE AS $$
-- What a run of the product for that date and cycle waits for; '*' is any cycle, and a dependency on the cycle `same` needs that of the run. A required date that is null: the latest refresh, not older than max_age.
    SELECT d.leaf, coalesce(needed.cycle, '*'), d.upstream, d.account, d.statuses, required.date, d.max_age_seconds
    FROM data_product_dependencies d
    LEFT JOIN data_product_schedule s USING (product_id)
    LEFT JOIN calendar c ON c.calendar = s.calendar
    LEFT JOIN data_product u ON u.product_id = d.upstream
    CROSS JOIN LATERAL (SELECT CASE WHEN d.max_age_seconds IS NULL THEN shifted(on_date, d.offset_days, c) END AS date) required
    CROSS JOIN LATERAL unnest(CASE WHEN d.cycle = 'same' THEN ARRAY[of_cycle] WHEN u.cycles_changed_at IS NULL THEN d.cycles ELSE cycles_needed(d, required.date) END) AS needed(cycle)
    WHERE d.product_id = of_product
$$;

CREATE OR REPLACE FUNCTION runs_with_other_inputs(runs uuid[]) RETURNS SETOF uuid
LANGUAGE sql STABLE AS $$
-- Those of the runs that wait for something else than the metadata of their product says.
    WITH wanted AS (
        SELECT r.run_id, i.* FROM data_product_status r CROSS JOIN LATERAL inputs_of(r.product_id, r.business_date, r.cycle) i WHERE r.run_id = ANY (runs)
    ), present AS (
        SELECT run_id, leaf, cycle, upstream, account, statuses, required_date, max_age_seconds
        FROM data_product_dependencies_events_status WHERE run_id = ANY (runs)
    )
    SELECT run_id FROM (TABLE wanted EXCEPT TABLE present) added
    UNION
    SELECT run_id FROM (TABLE present EXCEPT TABLE wanted) removed
$$;

CREATE OR REPLACE FUNCTION renew_inputs(runs uuid[], now_is timestamptz) RETURNS uuid[]
LANGUAGE plpgsql AS $$
-- The (locked) runs wait for what the metadata of their product says now. What has arrived and is still needed stays arrived, and what has
-- no date keeps the moment from which its age is counted. Gives the runs that wait for something else than before.
DECLARE
    changed uuid[] := ARRAY(SELECT runs_with_other_inputs(runs));
    before data_product_dependencies_events_status[];
BEGIN
    WITH deleted AS (
        DELETE FROM data_product_dependencies_events_status d WHERE run_id = ANY (changed) RETURNING d AS input
    ), logged AS (
        INSERT INTO data_product_dependencies_events_status_history (run_id, leaf, cycle, upstream, status, event, required_date, changed_at)
        SELECT r.run_id, (input).leaf, (input).cycle, (input).upstream, (input).status, 'removed', (input).required_date, now_is
        FROM deleted JOIN data_product_status r ON r.run_id = (input).run_id
        WHERE r.run_id = ANY (changed) AND NOT EXISTS (SELECT FROM inputs_of(r.product_id, r.business_date, r.cycle) i
            WHERE (i.upstream, i.cycle, i.account, i.statuses, i.required_date, i.max_age_seconds) IS NOT DISTINCT FROM
                ((input).upstream, (input).cycle, (input).account, (input).statuses, (input).required_date, (input).max_age_seconds))
    )
    SELECT array_agg(input) INTO before FROM deleted;

    INSERT INTO data_product_dependencies_events_status (run_id, leaf, cycle, upstream, account, statuses, required_date, max_age_seconds,
        not_before, status, event, event_key, arrived_at, changed_at, waived_at, waived_by, waive_reason)
    SELECT DISTINCT ON (r.run_id, i.leaf, i.cycle) r.run_id, i.*, coalesce(b.not_before, r.opened_at - make_interval(secs => i.max_age_seconds)),
        coalesce(b.status, 'WAITING'), CASE WHEN b.run_id IS NULL THEN 'added' ELSE 'kept' END, b.event_key, b.arrived_at, now_is,
        b.waived_at, b.waived_by, b.waive_reason
    FROM data_product_status r
    CROSS JOIN LATERAL inputs_of(r.product_id, r.business_date, r.cycle) i
    LEFT JOIN unnest(before) b ON b.run_id = r.run_id
        AND (i.upstream, i.cycle, i.account, i.statuses, i.required_date, i.max_age_seconds) IS NOT DISTINCT FROM
            (b.upstream, b.cycle, b.account, b.statuses, b.required_date, b.max_age_seconds)
    WHERE r.run_id = ANY (changed)
    ORDER BY r.run_id, i.leaf, i.cycle, b.leaf;
    RETURN changed;
END $$;
