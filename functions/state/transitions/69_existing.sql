-- What the existing scheduler does while the application is in shadow: its job runs become the refreshes of the products whose steps run these jobs (decision 89).

CREATE OR REPLACE FUNCTION watched_steps(jobs jsonb, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- In shadow the steps that run one of these jobs [{type, job}], each {type, job, product_id, step, arguments}: at most `page` of those after the key `after`.
    SELECT p.* FROM page_of((SELECT jsonb_agg(jsonb_build_object('key', s.key, 'type', s.type, 'job', s.resource, 'product_id', s.product_id, 'step', s.step,
            'arguments', (SELECT coalesce(jsonb_object_agg(a.name, a.value), '{}') FROM data_pipeline_parameters a
                WHERE a.product_id = s.product_id AND a.step = s.step)) ORDER BY s.key COLLATE "C")
        FROM (SELECT c.*, c.product_id || ' ' || c.step AS key
            FROM (SELECT DISTINCT type, job FROM jsonb_to_recordset(jobs) AS j(type text, job text)) j
            CROSS JOIN LATERAL (SELECT * FROM data_pipeline_config c WHERE c.resource = j.job AND c.type = j.type OFFSET 0) c
            WHERE in_shadow() AND (SELECT runs_here(p) FROM data_product p WHERE p.product_id = c.product_id)
                AND (c.product_id || ' ' || c.step) COLLATE "C" > after
            ORDER BY (c.product_id || ' ' || c.step) COLLATE "C" LIMIT page) s)) p
$$;

CREATE OR REPLACE FUNCTION existing_run_of(product text, on_date date, of_cycle text) RETURNS SETOF existing_run
LANGUAGE sql STABLE AS $$
    SELECT * FROM existing_run x WHERE x.business_date = on_date AND x.product_id = product AND x.cycle = of_cycle OFFSET 0
$$;

CREATE OR REPLACE FUNCTION date_of_start(product text, started timestamptz, OUT business_date date, OUT cycle text)
LANGUAGE sql STABLE AS $$
-- The business date and the cycle of a start that names none: of the schedule's opening that is nearest, where an hour before the opening counts as four
-- after it. Without a schedule that of the oldest run that waits for its start, or else the day by the clock of the product's SLA.
    SELECT first.business_date, first.cycle FROM (
        (SELECT 1 AS place, o.business_date, o.cycle
        FROM data_product_schedule s CROSS JOIN LATERAL openings_of(s, started - interval '40 days', started + interval '8 days') o
        WHERE s.product_id = product
        ORDER BY CASE WHEN o.at <= started THEN started - o.at ELSE (o.at - started) * 4 END LIMIT 1)
        UNION ALL
        (SELECT 2, r.business_date, r.cycle FROM runs_open_of(product) r
        WHERE r.shadow AND NOT EXISTS (SELECT FROM existing_run_of(product, r.business_date, r.cycle)) ORDER BY r.business_date, r.cycle LIMIT 1)
        UNION ALL
        SELECT 3, (started AT TIME ZONE coalesce(p.sla_timezone, 'UTC'))::date, '' FROM data_product p WHERE p.product_id = product) first
    ORDER BY first.place LIMIT 1
$$;

CREATE OR REPLACE FUNCTION existing_work(product text, on_date date, of_cycle text, since timestamptz, types text[], OUT done boolean, OUT ended timestamptz)
LANGUAGE sql STABLE AS $$
-- Whether the last job run of each step has succeeded, of the steps of the product that are of these types, counting what began after `since`; and when the
-- last of them ended.
    SELECT bool_and(coalesce(j.state = 'SUCCEEDED', false)), max(j.ended_at)
    FROM data_pipeline_config c
    LEFT JOIN LATERAL (SELECT e.state, e.ended_at FROM existing_job_run e
        WHERE e.product_id = c.product_id AND e.business_date = on_date AND e.cycle = of_cycle AND e.step = c.step
            AND (since IS NULL OR e.started_at > since)
        ORDER BY e.started_at DESC LIMIT 1) j ON true
    WHERE c.product_id = product AND c.type = ANY (types)
$$;

CREATE OR REPLACE FUNCTION event_of_existing(x existing_run, of_status text, of_moment timestamptz, of_account text, j existing_job_run) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
-- The refresh event that the existing scheduler's run of a product stands for, as `store_events` takes it. A start has no attempt: it supersedes nothing.
    SELECT jsonb_build_object('event_key', concat_ws(' ', 'existing', x.product_id, x.business_date, x.cycle, of_status, CASE WHEN of_status <> 'STARTED' THEN x.attempt END),
        'product_id', x.product_id, 'account', of_account, 'business_date', x.business_date, 'cycle', x.cycle, 'status', of_status,
        'attempt', CASE WHEN of_status <> 'STARTED' THEN x.attempt END, 'refreshed_at', of_moment,
        'metadata', jsonb_build_object('job', j.job, 'job_run', j.job_run_id), 'cause', CASE of_status WHEN 'ERROR' THEN job_error(j.state) END)
$$;

CREATE OR REPLACE FUNCTION note_existing_job(j existing_job_run, types text[], of_account text) RETURNS jsonb
LANGUAGE plpgsql AS $$
-- What a job run means for its product's date: its start, or with the ends of the other steps its refresh or its failure. Gives the events of that.
DECLARE
    x existing_run;
    work record;
    outcome text;
BEGIN
    INSERT INTO existing_run AS o (product_id, business_date, cycle, status, attempt, started_at, began_at)
    VALUES (j.product_id, j.business_date, j.cycle, 'STARTED', 0, j.started_at, j.started_at)
    ON CONFLICT (business_date, product_id, cycle) DO UPDATE SET started_at = least(o.started_at, excluded.started_at),
        began_at = CASE WHEN o.completed_at IS NULL OR o.began_at > o.completed_at AND excluded.began_at > o.completed_at THEN least(o.began_at, excluded.began_at)
            WHEN excluded.began_at > o.completed_at THEN excluded.began_at ELSE o.began_at END
    RETURNING * INTO x;
    IF j.started_at <= x.completed_at THEN
        RETURN '[]';  -- of a run that is over
    ELSIF j.state = 'STARTED' THEN
        RETURN CASE x.attempt WHEN 0 THEN jsonb_build_array(event_of_existing(x, 'STARTED', j.started_at, of_account, j)) ELSE '[]' END;
    END IF;
    SELECT * INTO work FROM existing_work(x.product_id, x.business_date, x.cycle, x.completed_at, types);
    outcome := CASE WHEN j.state <> 'SUCCEEDED' THEN 'ERROR' WHEN work.done THEN 'COMPLETED' END;
    IF outcome IS NULL THEN
        RETURN '[]';
    END IF;
    UPDATE existing_run o SET status = outcome, attempt = o.attempt + 1, ended_at = work.ended,
        completed_at = CASE outcome WHEN 'COMPLETED' THEN work.ended ELSE o.completed_at END
    WHERE o.business_date = x.business_date AND o.product_id = x.product_id AND o.cycle = x.cycle
    RETURNING * INTO x;
    RETURN jsonb_build_array(event_of_existing(x, outcome, x.ended_at, of_account, j));
END $$;

CREATE OR REPLACE FUNCTION shadow_runs_of(dates jsonb) RETURNS uuid[]
LANGUAGE sql AS $$
-- The runs in shadow of these [{product_id, business_date, cycle}], locked.
    SELECT lock_runs(ARRAY(SELECT r.run_id FROM jsonb_to_recordset(dates) AS d(product_id text, business_date date, cycle text)
        CROSS JOIN LATERAL runs_of_date(d.product_id, d.business_date) r WHERE r.cycle = coalesce(d.cycle, '') AND r.shadow))
$$;

CREATE OR REPLACE FUNCTION record_existing_jobs(
    job_runs jsonb, types jsonb, of_account text, now_is timestamptz, OUT recorded integer, OUT repeated integer, OUT unmatched integer
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Records job runs of the existing scheduler [{job_run_id, type, job, product_id, step, business_date, cycle, state, started_at, ended_at, problem}]: each
-- start and each end once. What they mean for their products counts as refresh events of `of_account` do. `types` are the step types whose job runs can be
-- seen. Outside shadow nothing is recorded.
DECLARE
    g record;
    j existing_job_run;
    events jsonb := '[]';
    dates jsonb := '[]';
    keys text[];
    added text[];
BEGIN
    recorded := 0;
    repeated := 0;
    unmatched := 0;
    PERFORM lock_openings(true);
    IF NOT in_shadow() THEN
        RETURN;
    END IF;
    PERFORM lock_events_of(ARRAY(SELECT each ->> 'product_id' FROM jsonb_array_elements(job_runs) each WHERE each ->> 'product_id' IS NOT NULL));
    FOR g IN
        SELECT r.*, coalesce(r.business_date, d.business_date) AS on_date, coalesce(r.cycle, d.cycle, '') AS of_cycle
        FROM jsonb_to_recordset(job_runs) AS r(job_run_id text, type text, job text, product_id text, step text, business_date date, cycle text, state text,
            started_at timestamptz, ended_at timestamptz, problem text)
        LEFT JOIN LATERAL (SELECT * FROM date_of_start(r.product_id, r.started_at) WHERE r.product_id IS NOT NULL) d ON true
        ORDER BY coalesce(r.ended_at, r.started_at), r.job_run_id
    LOOP
        INSERT INTO existing_job_run AS o (job_run_id, type, job, product_id, step, business_date, cycle, state, started_at, ended_at, problem, seen_at)
        VALUES (g.job_run_id, g.type, g.job, g.product_id, g.step, CASE WHEN g.product_id IS NOT NULL THEN g.on_date END,
            CASE WHEN g.product_id IS NOT NULL THEN g.of_cycle END, g.state, g.started_at, g.ended_at, left(g.problem, 1000), now_is)
        ON CONFLICT (job_run_id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at, seen_at = excluded.seen_at
            WHERE o.state = 'STARTED' AND excluded.state <> 'STARTED'
        RETURNING * INTO j;
        IF NOT FOUND THEN
            repeated := repeated + 1;
        ELSIF j.product_id IS NULL THEN
            unmatched := unmatched + 1;
        ELSE
            recorded := recorded + 1;
            dates := dates || jsonb_build_object('product_id', j.product_id, 'business_date', j.business_date, 'cycle', j.cycle);
            events := events || note_existing_job(j, ARRAY(SELECT jsonb_array_elements_text(types)), of_account);
        END IF;
    END LOOP;
    SELECT s.keys, s.added INTO keys, added FROM store_events(events, '[]', now_is) s;
    IF keys IS NOT NULL THEN
        PERFORM take_events(keys, added, events, '{}', 'the last input arrived', 'refresh event', now_is);
    END IF;
    PERFORM follow_existing(shadow_runs_of(dates), now_is);
END $$;

CREATE OR REPLACE FUNCTION note_existing_events(keys text[], now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- In shadow a refresh event of a product with a pipeline here says what the existing scheduler did.
DECLARE
    e refresh_event;
    dates jsonb := '[]';
BEGIN
    IF keys IS NULL OR NOT in_shadow() THEN
        RETURN;
    END IF;
    FOR e IN
        SELECT o.* FROM refresh_event o JOIN data_product p USING (product_id)
        WHERE o.event_key = ANY (keys) AND runs_here(p) AND o.status IN ('STARTED', 'COMPLETED', 'ERROR') ORDER BY o.refreshed_at, o.event_key
    LOOP
        INSERT INTO existing_run AS o (product_id, business_date, cycle, status, attempt, started_at, began_at, ended_at, completed_at)
        VALUES (e.product_id, e.business_date, e.cycle, e.status, CASE e.status WHEN 'STARTED' THEN 0 ELSE coalesce(e.attempt, 1) END,
            CASE e.status WHEN 'STARTED' THEN e.refreshed_at END, CASE e.status WHEN 'STARTED' THEN e.refreshed_at END,
            CASE WHEN e.status <> 'STARTED' THEN e.refreshed_at END, CASE e.status WHEN 'COMPLETED' THEN e.refreshed_at END)
        ON CONFLICT (business_date, product_id, cycle) DO UPDATE SET status = CASE excluded.status WHEN 'STARTED' THEN o.status ELSE excluded.status END,
            attempt = greatest(o.attempt, excluded.attempt), started_at = least(o.started_at, excluded.started_at),
            began_at = coalesce(o.began_at, excluded.began_at), ended_at = greatest(o.ended_at, excluded.ended_at),
            completed_at = greatest(o.completed_at, excluded.completed_at);
        dates := dates || jsonb_build_object('product_id', e.product_id, 'business_date', e.business_date, 'cycle', e.cycle);
    END LOOP;
    PERFORM follow_existing(shadow_runs_of(dates), now_is);
END $$;

CREATE OR REPLACE FUNCTION succeeded_again(runs uuid[]) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
-- Those of the runs that the existing scheduler has failed and then completed.
    SELECT ARRAY(SELECT r.run_id FROM data_product_status r CROSS JOIN LATERAL existing_run_of(r.product_id, r.business_date, r.cycle) x
        WHERE r.run_id = ANY (runs) AND r.shadow AND r.status = 'ERROR' AND r.error = 'JobFailed' AND x.status = 'COMPLETED')
$$;

CREATE OR REPLACE FUNCTION follow_existing(runs uuid[], now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- Those of the (locked) runs in shadow that were released become what the existing scheduler has made of them: PROCESSING, and then COMPLETED or ERROR. One
-- that has not been released waits for that, whatever was run: what Headgate would have done is not known before.
DECLARE
    again uuid[];
    followed record;
BEGIN
    IF runs = '{}' OR NOT in_shadow() THEN
        RETURN;
    END IF;
    again := succeeded_again(runs);
    IF again <> '{}' THEN
        PERFORM start_next_attempts(again, 'rerun', false, NULL, 'existing scheduler', now_is);
        PERFORM release_ready(again, now_is, 'everything had arrived', 'existing scheduler');
    END IF;
    FOR followed IN
        SELECT r.run_id, r.status AS was, r.business_date, r.product_id, r.cycle, x.status, x.ended_at, coalesce(x.began_at, x.ended_at) AS began_at,
            x.began_at IS NOT NULL AS start_known
        FROM data_product_status r CROSS JOIN LATERAL existing_run_of(r.product_id, r.business_date, r.cycle) x
        WHERE r.run_id = ANY (runs) AND r.shadow AND r.status IN ('WAITING', 'PROCESSING') AND r.released_at IS NOT NULL
    LOOP
        UPDATE data_product_status SET status = 'PROCESSING', started_at = followed.began_at, event = 'started', changed_at = now_is,
            changed_by = 'existing scheduler' WHERE run_id = followed.run_id AND status = 'WAITING';
        CONTINUE WHEN followed.status = 'STARTED';
        UPDATE data_product_status SET status = followed.status, started_at = followed.began_at, finished_at = followed.ended_at, error = CASE followed.status WHEN 'ERROR' THEN 'JobFailed' END,
            cause = CASE followed.status WHEN 'ERROR' THEN 'in the existing scheduler' END,
            event = CASE followed.status WHEN 'ERROR' THEN 'failed' ELSE 'completed' END, changed_at = now_is, changed_by = 'existing scheduler'
        WHERE run_id = followed.run_id;
        PERFORM learn_times(jsonb_build_array(jsonb_build_object('product_id', followed.product_id, 'kind', 'work', 'cycle', followed.cycle,
            'on_date', followed.business_date, 'seconds', extract(epoch FROM followed.ended_at - followed.began_at))), now_is)
        WHERE followed.status = 'COMPLETED' AND followed.start_known;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION follow_open_runs(now_is timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
-- In shadow: what the existing scheduler did is made up for, and a run ends of which no end was seen within three days of its release.
DECLARE
    concerned uuid[];
BEGIN
    IF NOT in_shadow() THEN
        RETURN;
    END IF;
    concerned := lock_runs(ARRAY(SELECT r.run_id FROM data_product_status r WHERE is_open(r) AND r.shadow AND r.released_at IS NOT NULL));
    PERFORM follow_existing(concerned, now_is);
    UPDATE data_product_status r SET status = 'CANCELLED', finished_at = now_is, cause = 'the existing scheduler was not seen to end it within three days',
        event = 'cancelled', changed_at = now_is, changed_by = 'monitor'
    WHERE r.run_id = ANY (concerned) AND r.status IN ('WAITING', 'PROCESSING') AND r.released_at < now_is - interval '3 days';
END $$;
