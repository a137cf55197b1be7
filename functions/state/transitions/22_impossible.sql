-- When a condition can hold no more: an upstream has ended in a way that one of its dependencies does not take.

CREATE OR REPLACE FUNCTION rules_out(e refresh_event, statuses text[], account text, cycle text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
-- Whether the event ends an attempt in a way that makes what a dependency waits for impossible. A failure does not: it may be fixed in time. What
-- completed has started, even if the event of the start comes later. Any of several cycles (`*`) is never ruled out by one of them.
    SELECT e.superseded_at IS NULL AND e.status IN ('COMPLETED', 'SKIPPED', 'CANCELLED') AND e.status <> ALL (statuses)
        AND NOT (e.status = 'COMPLETED' AND 'STARTED' = ANY (statuses))
        AND (e.cycle = cycle OR cycle = '*' AND e.cycle = '')
        AND (account IS NULL OR e.account = account)
$$;

CREATE OR REPLACE FUNCTION events_that_rule_out(d data_product_dependencies_events_status) RETURNS SETOF refresh_event
LANGUAGE sql STABLE AS $$
-- None for an input that takes the latest refresh: a later one may come.
    SELECT * FROM refresh_event e
    WHERE e.product_id = d.upstream AND e.business_date = d.required_date AND rules_out(e, d.statuses, d.account, d.cycle) OFFSET 0
$$;

CREATE OR REPLACE FUNCTION condition_is_impossible(r data_product_status, condition jsonb) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether the condition of the run's product does not hold even if everything arrives that has not been ruled out.
    SELECT NOT condition_holds(condition, ARRAY(
        SELECT d.leaf FROM data_product_dependencies d WHERE d.product_id = r.product_id
        EXCEPT
        SELECT d.leaf FROM inputs_of_run(r.run_id) d WHERE d.status = 'WAITING' AND EXISTS (SELECT FROM events_that_rule_out(d))))
$$;

CREATE OR REPLACE FUNCTION why_ruled_out(run uuid) RETURNS text
LANGUAGE sql STABLE AS $$
-- The first five inputs that do not come, and why, as text.
    SELECT string_agg(reason, '; ' ORDER BY reason) FROM (
        SELECT DISTINCT CASE e.status WHEN 'COMPLETED' THEN 'not needed: ' || d.upstream || ' for ' || d.required_date || ' completed'
            ELSE d.upstream || ' for ' || d.required_date || ' was ' || lower(e.status) END AS reason
        FROM inputs_of_run(run) d CROSS JOIN LATERAL events_that_rule_out(d) e
        WHERE d.status = 'WAITING' ORDER BY reason LIMIT 5) first
$$;

CREATE OR REPLACE FUNCTION impossible_runs(runs uuid[], upstreams text[]) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
-- Those of the runs whose condition cannot hold any more, unless they are held, a deadline has decided, or they start at the deadline all the same
-- (`on_deadline: start`). With `upstreams` only runs with an input from one of these are considered.
    WITH concerned AS MATERIALIZED (
        SELECT DISTINCT d.run_id FROM data_product_dependencies_events_status d
        WHERE d.run_id = ANY (runs) AND d.status = 'WAITING' AND d.required_date IS NOT NULL AND (upstreams IS NULL OR d.upstream = ANY (upstreams))
            AND EXISTS (SELECT FROM events_that_rule_out(d))
    )
    SELECT ARRAY(
        SELECT r.run_id FROM concerned JOIN data_product_status r USING (run_id) JOIN data_product p USING (product_id)
        WHERE r.status = 'WAITING' AND r.released_at IS NULL AND NOT r.held AND NOT p.held AND p.on_deadline IS DISTINCT FROM 'start'
            AND NOT EXISTS (SELECT FROM missed_deadline m WHERE m.run_id = r.run_id AND m.attempt = r.attempt OFFSET 0)
            AND condition_is_impossible(r, p.condition))
$$;
