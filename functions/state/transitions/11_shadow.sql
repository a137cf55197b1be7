-- Whether the application acts, or is in shadow: it decides, and another scheduler does the work (decision 89).

CREATE OR REPLACE FUNCTION in_shadow() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT m.shadow FROM application_mode m), false)
$$;

CREATE OR REPLACE FUNCTION enter_shadow(forced boolean, now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- Nothing that is due is performed any more. Unless `forced`, no run may be open whose machine would then never be answered.
DECLARE
    open_runs integer := (SELECT count(*) FROM data_product_status r WHERE is_open(r) AND NOT r.shadow);
BEGIN
    IF open_runs > 0 AND NOT forced THEN
        RAISE EXCEPTION 'IllegalTransition: % that this application has opened to start itself; in shadow their machines would wait for ever. Wait until they have ended, or end them with `headgate cancel`; `headgate status` lists them',
            CASE open_runs WHEN 1 THEN 'one run is open' ELSE open_runs || ' runs are open' END;
    END IF;
    UPDATE effect SET done_at = now_is, outcome = 'not performed: the application is in shadow', payload = '{}'
    WHERE done_at IS NULL AND effect_key NOT LIKE 'signal %';
    UPDATE effect SET payload = payload || '{"visibility": "domain"}' WHERE done_at IS NULL;
END $$;

CREATE OR REPLACE FUNCTION leave_shadow(actor text, now_is timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
-- What was decided in shadow is of the past: its runs end, nothing resumes them, and their SLAs notify nobody. The first opening that is made is the next
-- one of each schedule. Gives how many runs have ended.
DECLARE
    concerned uuid[] := ARRAY(
        SELECT run_id FROM data_product_status r WHERE is_open(r) AND r.shadow
        UNION SELECT run_id FROM data_product_status r WHERE is_followed(r) AND r.shadow
        UNION SELECT run_id FROM data_product_status r WHERE may_become_late(r) AND r.shadow);
    ended integer := (SELECT count(*) FROM data_product_status r WHERE r.run_id = ANY (concerned) AND is_open(r));
BEGIN
    UPDATE data_product_status r SET status = CASE WHEN is_open(r) THEN 'CANCELLED' ELSE r.status END,
        event = CASE WHEN is_open(r) THEN 'cancelled' ELSE 'left_shadow' END, finished_at = coalesce(r.finished_at, now_is),
        cause = CASE WHEN is_open(r) THEN 'the application left shadow: the existing scheduler ran this date' ELSE r.cause END, task_token = NULL,
        resume_until = NULL, outdated_at = NULL, runs_again = false, cascades = false, late_notified = true, changed_at = now_is, changed_by = actor
    WHERE r.run_id = ANY (lock_runs(concerned));
    UPDATE data_product_schedule SET opened_until = greatest(opened_until, now_is), known_since = now_is;
    UPDATE backfill SET ended_at = now_is, stopped_by = actor WHERE ended_at IS NULL;
    RETURN ended;
END $$;

CREATE OR REPLACE FUNCTION set_mode(
    wanted boolean, forced boolean, actor text, now_is timestamptz, OUT changed boolean, OUT ended integer
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Enters shadow, or leaves it; `ended` are the runs that ended with it. What is so already stays so. Raises IllegalTransition where the application
-- cannot enter shadow now, unless `forced`.
BEGIN
    PERFORM lock_openings(false);
    changed := in_shadow() <> wanted;
    ended := 0;
    IF changed AND wanted THEN
        PERFORM enter_shadow(forced, now_is);
    ELSIF changed THEN
        ended := leave_shadow(actor, now_is);
    END IF;
    INSERT INTO application_mode AS m (shadow, since, changed_by) VALUES (wanted, now_is, actor)
    ON CONFLICT (one) DO UPDATE SET shadow = excluded.shadow, since = excluded.since, changed_by = excluded.changed_by WHERE m.shadow <> excluded.shadow;
END $$;

CREATE OR REPLACE FUNCTION mode() RETURNS jsonb LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- {shadow, since}: whether the application is in shadow, and since when it is or is not; without `since` it has always acted.
    SELECT coalesce((SELECT jsonb_build_object('shadow', m.shadow, 'since', m.since) FROM application_mode m), '{"shadow": false}')
$$;
