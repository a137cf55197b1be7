-- How runs go on once something has arrived, or has become possible or impossible.

CREATE OR REPLACE FUNCTION skip_impossible(runs uuid[], upstreams text[], actor text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- Those of the (locked) runs whose condition can hold no more end SKIPPED, with the reason. With `upstreams` only runs with
-- an input from one of these are considered.
DECLARE
    r data_product_status;
BEGIN
    FOR r IN
        UPDATE data_product_status s SET status = 'SKIPPED', finished_at = now_is, task_token = NULL, error = NULL, cause = why_ruled_out(s.run_id),
            resume_until = resumes_until(s, now_is), event = 'skipped', changed_at = now_is, changed_by = actor
        WHERE s.run_id = ANY (impossible_runs(runs, upstreams))
        RETURNING s.*
    LOOP
        PERFORM stop_machines(ARRAY[r.run_id], r.cause, now_is);
        PERFORM store_event_of(r, 'SKIPPED', jsonb_build_object('cause', left(r.cause, 1000)), now_is);
        PERFORM store_alert(r, 'SKIPPED', jsonb_build_object('cause', r.cause), now_is);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION has_other_inputs(r data_product_status) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether a run that is outdated has something else to run with: a refresh has arrived since, or what it waits for again does not come any more.
    SELECT EXISTS (SELECT FROM inputs_of_run(r.run_id) d WHERE d.status = 'ARRIVED' AND d.arrived_at >= r.outdated_at)
        OR NOT EXISTS (SELECT FROM inputs_of_run(r.run_id) d
            WHERE d.status = 'WAITING' AND d.event = 'reopened' AND NOT EXISTS (SELECT FROM events_that_rule_out(d)))
$$;

CREATE OR REPLACE FUNCTION resumable_runs(runs uuid[], now_is timestamptz) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
-- Those of the runs that ended because inputs were missing, or with inputs that were made again, and that have everything now and may go on. A run that
-- failed at its deadline goes on as well when it turns out that its inputs will not come: its next attempt ends SKIPPED, as without that deadline.
    SELECT ARRAY(
        SELECT r.run_id FROM data_product_status r JOIN data_product p USING (product_id)
        WHERE r.run_id = ANY (runs) AND may_resume(r, now_is) AND NOT r.held AND NOT p.held AND runs_here(p)
            AND NOT EXISTS (SELECT FROM job_run j WHERE j.run_id = r.run_id AND j.state = 'STARTED' AND NOT is_cluster(j) OFFSET 0)
            AND (r.status <> 'COMPLETED' OR has_other_inputs(r))
            AND (condition_holds(p.condition, arrived_leaves(r.run_id))
                OR r.status = 'ERROR' AND condition_is_impossible(r, p.condition)))
$$;

CREATE OR REPLACE FUNCTION renew_used_inputs(runs uuid[], now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- A run that completed has the inputs by which it was released. Before its next attempt is considered it takes those of today's metadata, and what
-- has been superseded counts no more.
DECLARE
    used uuid[] := ARRAY(SELECT run_id FROM data_product_status WHERE run_id = ANY (runs) AND status = 'COMPLETED' AND runs_again);
BEGIN
    IF used <> '{}' THEN
        PERFORM renew_inputs(used, now_is);
        PERFORM wait_for_superseded(used, now_is);
        PERFORM match_arrivals(used, NULL, now_is);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION go_on(runs uuid[], now_is timestamptz, reason text, actor text, kind run_event, upstreams text[]) RETURNS uuid[]
LANGUAGE plpgsql AS $$
-- Releases those of the (locked) runs that wait and whose condition holds; those whose condition can hold no more end SKIPPED. Gives the former. In shadow the
-- existing scheduler may have done their work by now.
DECLARE
    released uuid[] := release_ready(runs, now_is, reason, actor, kind);
BEGIN
    PERFORM skip_impossible(runs, upstreams, actor, now_is);
    PERFORM follow_existing(released, now_is);
    RETURN released;
END $$;

CREATE OR REPLACE FUNCTION without_their_users(runs uuid[]) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
-- Those of the runs that have no input from another one of them, not counting inputs that take the latest refresh. All of them where each has one:
-- inputs of metadata that has changed since may form a circle.
    SELECT coalesce(
        nullif(ARRAY(
            SELECT run FROM unnest(runs) run
            WHERE NOT EXISTS (
                SELECT FROM inputs_of_run(run) d JOIN data_product_status u ON u.product_id = d.upstream AND u.business_date = d.required_date
                WHERE u.run_id = ANY (runs))), '{}'),
        runs)
$$;

CREATE OR REPLACE FUNCTION advance(
    runs uuid[], now_is timestamptz, reason text, actor text, kind run_event DEFAULT 'released', upstreams text[] DEFAULT NULL
) RETURNS uuid[]
LANGUAGE plpgsql AS $$
-- Lets the (locked) runs go on: those that wait are released if their condition holds, and end SKIPPED if it can hold no more; those that may
-- resume start their next attempt if it holds. Gives the runs that were released. `upstreams`: nothing but inputs from these has changed. The next
-- attempt of an upstream takes away what its users may resume by, so that upstreams go first.
DECLARE
    released uuid[] := go_on(runs, now_is, reason, actor, kind, upstreams);
    remaining uuid[] := runs;
    resumed uuid[];
    cascading uuid[];
BEGIN
    PERFORM renew_used_inputs(runs, now_is);
    LOOP
        resumed := resumable_runs(remaining, now_is);
        EXIT WHEN resumed = '{}';
        resumed := without_their_users(resumed);
        remaining := ARRAY(SELECT unnest(remaining) EXCEPT SELECT unnest(resumed));
        cascading := ARRAY(SELECT run_id FROM data_product_status r WHERE run_id = ANY (resumed) AND r.cascades);
        PERFORM start_next_attempts(cascading, 'resumed', true, reason, actor, now_is);
        PERFORM start_next_attempts(ARRAY(SELECT unnest(resumed) EXCEPT SELECT unnest(cascading)), 'resumed', false, reason, actor, now_is);
        released := released || go_on(resumed, now_is, 'everything had arrived', actor, kind, NULL);
        PERFORM store_start_effects(resumed, now_is);
    END LOOP;
    RETURN released;
END $$;
