-- Attempts: a newer one supersedes the older wherever it is known, and what had arrived from the older is waited for again.

CREATE OR REPLACE FUNCTION lock_runs(runs uuid[]) RETURNS uuid[]
LANGUAGE sql AS $$
-- Locks these runs in the one order in which all that lock several do.
    SELECT coalesce(array_agg(run_id), '{}') FROM (SELECT run_id FROM data_product_status WHERE run_id = ANY (runs) ORDER BY run_id FOR UPDATE) locked
$$;

CREATE OR REPLACE FUNCTION newest_attempt(e refresh_event) RETURNS integer
LANGUAGE sql STABLE AS $$
-- The newest attempt that is known of what the event is about: from the events of its account, or from its run, if it is one of here.
    SELECT greatest(
        (SELECT max(o.attempt) FROM refresh_event o WHERE o.product_id = e.product_id AND o.business_date = e.business_date
            AND o.cycle = e.cycle AND o.account IS NOT DISTINCT FROM e.account),
        (SELECT r.attempt FROM runs_of_date(e.product_id, e.business_date) r WHERE r.run_id::text = e.run_id))
$$;

CREATE OR REPLACE FUNCTION supersede_older(keys text[], now_is timestamptz) RETURNS text[]
LANGUAGE sql AS $$
-- Of what these events are about, events of older attempts count no more. Gives the keys of those that did until now. Events without an
-- attempt supersede nothing.
    WITH newest AS (
        SELECT DISTINCT e.product_id, e.business_date, e.cycle, e.account, newest_attempt(e) AS attempt FROM refresh_event e
        WHERE e.event_key = ANY (keys) AND e.attempt IS NOT NULL
    ), older AS (
        UPDATE refresh_event e SET superseded_at = now_is
        WHERE e.event_key = ANY (ARRAY(
                SELECT o.event_key FROM newest n CROSS JOIN LATERAL (
                    SELECT * FROM refresh_event o WHERE o.product_id = n.product_id AND o.business_date = n.business_date OFFSET 0) o
                WHERE o.cycle = n.cycle AND o.account IS NOT DISTINCT FROM n.account AND o.attempt < n.attempt AND o.superseded_at IS NULL))
        RETURNING e.event_key
    )
    SELECT coalesce(array_agg(event_key), '{}') FROM older
$$;

CREATE OR REPLACE FUNCTION on_update_of(product text, upstream text) RETURNS text
LANGUAGE sql STABLE AS $$
-- What the product's metadata says now about a refresh that is made again after it was used: rerun, notify or ignore.
    SELECT coalesce((array_agg(d.on_update ORDER BY d.on_update = 'ignore', d.on_update = 'notify'))[1], 'ignore')
    FROM data_product_dependencies d WHERE d.product_id = product AND d.upstream = on_update_of.upstream
$$;

CREATE OR REPLACE FUNCTION uses_inputs(r data_product_status) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
-- Whether the attempt has taken its inputs, and has not failed since.
    SELECT r.status IN ('PROCESSING', 'COMPLETED') OR r.status = 'WAITING' AND r.released_at IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION reopen_inputs(runs uuid[], superseded text[], cascading text[], actor text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- What these events had brought the (locked) runs is waited for again. A run that has used it becomes outdated, as `on_update` of the dependency
-- says; not by a dependency without COMPLETED: a fallback that has run stays as it is. By those of the `cascading` products it is made again, with
-- everything that depends on it.
DECLARE
    r data_product_status;
BEGIN
    FOR r IN
        WITH reopened AS (
            UPDATE data_product_dependencies_events_status d SET status = 'WAITING', event = 'reopened', event_key = NULL, arrived_at = NULL,
                changed_at = now_is
            FROM data_product_status s
            WHERE d.run_id = ANY (runs) AND d.event_key = ANY (superseded) AND s.run_id = d.run_id
                AND (NOT uses_inputs(s) OR 'COMPLETED' = ANY (d.statuses) AND on_update_of(s.product_id, d.upstream) <> 'ignore')
            RETURNING d.run_id, on_update_of(s.product_id, d.upstream) = 'rerun' AS again, d.upstream = ANY (cascading) AS cascades
        )
        UPDATE data_product_status s SET outdated_at = coalesce(s.outdated_at, now_is), runs_again = s.runs_again OR o.again OR o.cascades,
            cascades = s.cascades OR o.cascades, event = 'outdated', changed_at = now_is, changed_by = actor
        FROM (SELECT run_id, bool_or(again) AS again, bool_or(cascades) AS cascades FROM reopened GROUP BY run_id) o
        WHERE s.run_id = o.run_id AND uses_inputs(s)
            AND (s.outdated_at IS NULL OR (o.again OR o.cascades) AND NOT s.runs_again OR o.cascades AND NOT s.cascades)
        RETURNING s.*
    LOOP
        PERFORM store_alert(r, 'OUTDATED', jsonb_build_object('status', r.status, 'missing', missing_inputs(r.run_id)), now_is);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION wait_for_superseded(runs uuid[], now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- The (locked) runs wait again for those inputs whose events have been superseded.
    UPDATE data_product_dependencies_events_status d SET status = 'WAITING', event = 'reopened', event_key = NULL, arrived_at = NULL, changed_at = now_is
    WHERE d.run_id = ANY (runs) AND (SELECT e.superseded_at IS NOT NULL FROM refresh_event e WHERE e.event_key = d.event_key)
$$;

CREATE OR REPLACE FUNCTION users_of_resumable(runs uuid[], now_is timestamptz) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
-- The runs that have inputs from those of these which may resume. The caller that starts their next attempts locks
-- them as well.
    SELECT runs_with(ARRAY(
        SELECT e.event_key FROM data_product_status r JOIN refresh_event e ON e.run_id = r.run_id::text
        WHERE r.run_id = ANY (runs) AND may_resume(r, now_is) AND e.superseded_at IS NULL))
$$;

CREATE OR REPLACE FUNCTION just_arrived(run uuid, now_is timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
-- The inputs of the run that arrive in this moment, the first three by name; null without one.
    SELECT string_agg(name, ', ' ORDER BY place) FILTER (WHERE place <= 3) || CASE WHEN count(*) > 3 THEN ' and ' || count(*) - 3 || ' more' ELSE '' END
        || ' arrived'
    FROM (SELECT d.upstream || coalesce(' for ' || d.required_date, '') AS name, row_number() OVER (ORDER BY d.leaf, d.cycle) AS place
        FROM inputs_of_run(run) d WHERE d.event = 'arrived' AND d.changed_at = now_is) arrived
    HAVING count(*) > 0
$$;

CREATE OR REPLACE FUNCTION newest_of_date(r data_product_status) RETURNS integer
LANGUAGE sql STABLE AS $$
-- The newest attempt of the run's date; outside shadow the runs of the scheduler before count as well, so that what is refreshed now is newer.
    SELECT greatest(r.attempt, (SELECT x.attempt FROM existing_run x
        WHERE x.business_date = r.business_date AND x.product_id = r.product_id AND x.cycle = r.cycle AND NOT in_shadow()))
$$;

CREATE OR REPLACE FUNCTION start_next_attempts(runs uuid[], kind text, cascade boolean, reason text, actor text, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- Starts the next attempts of the (locked) runs that have ended or have no machine any more, and publishes that. What those attempts publish
-- counts; what the earlier ones published no longer does. `kind` is the event of the history: rerun, restarted or resumed. With `cascade` the
-- runs of every account that depend on them are to run again as well; a rerun starts those of here itself, with these.
DECLARE
    superseded text[];
BEGIN
    UPDATE effect f SET done_at = now_is, outcome = 'superseded by a rerun'
    WHERE f.run_id = ANY (runs) AND f.done_at IS NULL AND f.kind <> 'stop_execution'
        AND f.effect_key NOT LIKE 'alert LATE %'  -- that is a fact of the date, and not of an attempt
        AND f.effect_key NOT LIKE 'alert FILES %'  -- nor is what became of files
        AND f.kind <> 'lineage'  -- nor is how an attempt started or ended
        AND f.effect_key NOT LIKE 'alert again %';  -- nor is what a conversation still has to say
    UPDATE data_product_status r SET attempt = newest_of_date(r) + 1, shadow = in_shadow(), status = 'WAITING', opened_at = now_is,
        deadline_at = now_is + make_interval(secs => p.deadline_seconds), released_at = NULL, release_reason = NULL, started_at = NULL,
        finished_at = NULL, execution_arn = NULL, task_token = NULL, waiting_since = NULL, error = NULL,
        cause = CASE kind WHEN 'resumed' THEN coalesce(just_arrived(r.run_id, now_is), why_ruled_out(r.run_id), reason) END,
        resume_until = NULL, outdated_at = NULL, runs_again = false, cascades = false, held_over_at = NULL,
        event = kind, changed_at = now_is, changed_by = actor
    FROM data_product p WHERE p.product_id = r.product_id AND r.run_id = ANY (runs);
    PERFORM renew_inputs(runs, now_is);
    WITH older AS (
        UPDATE refresh_event SET superseded_at = now_is WHERE run_id = ANY (runs::text[]) AND superseded_at IS NULL RETURNING event_key
    )
    SELECT coalesce(array_agg(event_key), '{}') INTO superseded FROM older;
    PERFORM reopen_inputs(lock_runs(runs_with(superseded)), superseded,
        CASE WHEN cascade AND kind = 'resumed' THEN ARRAY(SELECT DISTINCT r.product_id FROM data_product_status r WHERE r.run_id = ANY (runs)) ELSE '{}' END,
        actor, now_is);
    PERFORM wait_for_superseded(runs, now_is);
    PERFORM match_arrivals(runs, NULL, now_is);
    PERFORM store_event_of(r, 'REOPENED', CASE WHEN cascade THEN '{"cascade": true}' ELSE '{}' END::jsonb, now_is)
    FROM data_product_status r WHERE r.run_id = ANY (runs);
END $$;
