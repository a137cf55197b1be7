-- The question `history`: what happened, in order. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION numbered(number bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT lpad(number::text, 12, '0')
$$;

CREATE OR REPLACE FUNCTION opens_attempt(event run_event) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT event IN ('opened', 'rerun', 'restarted', 'resumed')
$$;

CREATE OR REPLACE FUNCTION facts_of_event(e refresh_event, made_here boolean) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('status', e.status, 'attempt', e.attempt, 'account', e.account, 'reason', cut_text(e.cause, 500), 'signal', signalled_by(e.metadata),
        'foreign', CASE WHEN made_here THEN true END)
$$;

CREATE OR REPLACE FUNCTION facts_of_change(h data_product_status_history, execution text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('opened', CASE WHEN opens THEN true END, 'attempt', h.attempt, 'status', h.status,
        'resumed', CASE WHEN h.event = 'resumed' THEN true END, 'released', CASE WHEN releases THEN true END,
        'reason', CASE WHEN releases THEN h.release_reason END,
        'repaired', CASE WHEN h.event IN ('repaired', 'started_again') THEN true END,
        'error', cut_text(h.error, 500), 'cause', both_ends(h.cause, 600), 'execution_arn', execution, 'by', h.changed_by,
        'commit', CASE WHEN opens OR h.event = 'started' THEN (load_at(h.changed_at)).commit END)
    FROM (SELECT opens_attempt(h.event) AS opens, h.event IN ('released', 'repaired') AS releases) kind
$$;

CREATE OR REPLACE FUNCTION facts_of_arrival(d data_product_dependencies_events_status_history) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('upstream', d.upstream, 'event', d.event_key, 'required_date', d.required_date, 'by', d.changed_by, 'reason', d.reason,
        'required_cycle', CASE WHEN d.event <> 'arrived' THEN nullif(d.cycle, '*') END)
$$;

CREATE OR REPLACE FUNCTION facts_of_job(j job_run, ended boolean) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('attempt', j.attempt, 'step', j.step, 'type', j.type, 'job', j.job, 'job_run_id', j.job_run_id,
        'handle', nullif(j.handle, '{}'), 'status', CASE WHEN ended THEN j.state END, 'cause', CASE WHEN ended THEN both_ends(j.message, 600) END)
$$;

CREATE OR REPLACE FUNCTION history_page(product text, first date, last date, bound text, page integer, newest_first boolean) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What happened to runs of those business dates (of one product, if named): at most `page` entries before the entry whose key is `bound`, the newest first,
-- or after it, the oldest first; as many as fit into an answer. Kinds: refreshed, run, condition changed, SLA changed, outdated, left shadow, input added, input removed,
-- input reopened, late, arrived, waived, waiver ended, job started, job ended, held, hold ended, started again, effect parked, effect retried,
-- metadata changed. The last, and a hold of a product itself, stand on the days (in UTC) on which they came and ended.
-- `repaired`: the monitor found that it had been missed. `foreign`: an event of a product with a pipeline here that none of its runs published.
-- Entries of one moment are in the order of their `place`. Of all that happened only that is computed; what an entry says is, for those of the page.
    WITH runs AS MATERIALIZED (
        SELECT run_id, product_id, business_date, cycle FROM data_product_status
        WHERE product IS NULL AND business_date BETWEEN first AND last
        UNION ALL
        SELECT run_id, product_id, business_date, cycle FROM data_product_status
        WHERE product_id = product AND business_date BETWEEN first AND last
    ), events AS (
        SELECT e AS refresh FROM refresh_event e WHERE product IS NULL AND business_date BETWEEN first AND last
        UNION ALL
        SELECT e FROM refresh_event e WHERE product_id = product AND business_date BETWEEN first AND last
    ), jobs AS (
        SELECT j, r.product_id, r.business_date, r.cycle FROM runs r CROSS JOIN LATERAL (SELECT j FROM job_run j WHERE j.run_id = r.run_id OFFSET 0) j
    ), places AS (
        SELECT (refresh).received_at AS at, '0 ' || (refresh).event_key AS place, 'refreshed' AS kind, (refresh).product_id, (refresh).business_date, (refresh).cycle,
            refresh, made_here, NULL::data_product_status_history AS change, NULL::text AS execution,
            NULL::data_product_dependencies_events_status_history AS arrival, NULL::job_run AS job, NULL::jsonb AS facts
        FROM events
        CROSS JOIN LATERAL (SELECT (SELECT p.machine IS NOT NULL FROM data_product p WHERE p.product_id = (refresh).product_id) AS made_here) product
        WHERE (made_here IS NOT true
            OR NOT EXISTS (SELECT FROM runs_of_date((refresh).product_id, (refresh).business_date) r WHERE r.run_id::text = (refresh).run_id OFFSET 0))
        UNION ALL
        -- an end comes after the jobs of its moment, and before the attempt that a restart opens at the same moment
        SELECT (h).changed_at, CASE WHEN (h).event = 'resumed' THEN '2~'
            WHEN opens_attempt((h).event) OR (h).event = 'condition_changed' THEN '1 ' || numbered((h).attempt)
            WHEN (h).event NOT IN ('completed', 'failed', 'skipped', 'cancelled') THEN '3'
            WHEN next_at = (h).changed_at THEN '1 ' || numbered((h).attempt) || '~' ELSE '6' END || ' ' || (h).product_id || ' ' || numbered((h).history_id),
            CASE (h).event WHEN 'late' THEN 'late' WHEN 'held' THEN 'held' WHEN 'hold_removed' THEN 'hold ended'
                WHEN 'started_again' THEN 'started again'
                WHEN 'condition_changed' THEN 'condition changed' WHEN 'due_changed' THEN 'SLA changed' WHEN 'outdated' THEN 'outdated' WHEN 'left_shadow' THEN 'left shadow'
                    ELSE 'run' END, (h).product_id, (h).business_date, (h).cycle, NULL, NULL, h, execution, NULL, NULL, NULL
        FROM runs r
        CROSS JOIN LATERAL (SELECT h, lead(changed_at) OVER (ORDER BY history_id) AS next_at,
            max(execution_arn) OVER (PARTITION BY attempt ORDER BY history_id) AS execution
            FROM data_product_status_history h WHERE h.run_id = r.run_id OFFSET 0) h
        UNION ALL
        SELECT (d).changed_at, '2 ' || r.product_id || ' ' || numbered((d).history_id),
            CASE (d).event WHEN 'added' THEN 'input added' WHEN 'removed' THEN 'input removed' WHEN 'reopened' THEN 'input reopened'
                WHEN 'unwaived' THEN 'waiver ended' ELSE (d).event END, r.product_id, r.business_date, r.cycle, NULL, NULL, NULL, NULL, d, NULL, NULL
        FROM runs r
        CROSS JOIN LATERAL (SELECT d FROM data_product_dependencies_events_status_history d WHERE d.run_id = r.run_id OFFSET 0) d
        WHERE (d).event IN ('arrived', 'added', 'removed', 'reopened', 'waived', 'unwaived')
        UNION ALL
        SELECT (j).started_at, '4 ' || product_id || ' ' || (j).step || ' ' || (j).job_run_id, 'job started', product_id, business_date, cycle,
            NULL, NULL, NULL, NULL, NULL, j, NULL
        FROM jobs
        UNION ALL
        -- an end may be known before the start was recorded; it is shown after it all the same
        SELECT greatest((j).ended_at, (j).started_at),
            CASE WHEN (j).ended_at > (j).started_at THEN '1 ' ELSE '4~' END || product_id || ' ' || coalesce((j).step, '') || ' ' || (j).job_run_id,
            'job ended', product_id, business_date, cycle, NULL, NULL, NULL, NULL, NULL, j, NULL
        FROM jobs WHERE (j).ended_at IS NOT NULL
        UNION ALL
        SELECT u.late_at, '3 ' || u.product_id || ' ' || u.cycle, 'late', u.product_id, u.business_date, u.cycle, NULL, NULL, NULL, NULL, NULL, NULL,
            '{"status": "NOT OPENED", "by": "monitor"}'
        FROM unmade_opening u
        WHERE u.late_at IS NOT NULL AND u.business_date BETWEEN first AND last AND (product IS NULL OR u.product_id = product)
        UNION ALL
        SELECT h.changed_at, '0 ' || h.product_id || ' ' || numbered(h.hold_id), CASE WHEN h.held THEN 'held' ELSE 'hold ended' END, h.product_id,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, jsonb_build_object('by', h.changed_by)
        FROM data_product_hold_history h
        WHERE h.changed_at >= first AT TIME ZONE 'UTC' AND h.changed_at < (last + 1) AT TIME ZONE 'UTC' AND (product IS NULL OR h.product_id = product)
        UNION ALL
        SELECT l.loaded_at, '0 ' || c.name, 'metadata changed', c.name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            jsonb_build_object('commit', l.commit, 'by', l.loaded_by)
        FROM catalog_load l JOIN catalog_change c USING (load_id)
        WHERE l.loaded_at >= first AT TIME ZONE 'UTC' AND l.loaded_at < (last + 1) AT TIME ZONE 'UTC' AND c.kind = 'changed'
            AND (product IS NULL OR c.name = product)
        UNION ALL
        SELECT h.changed_at, '5 ' || r.product_id || ' ' || numbered(h.history_id), 'effect ' || h.event, r.product_id, r.business_date, r.cycle,
            NULL, NULL, NULL, NULL, NULL, NULL, jsonb_build_object('effect', e.effect_id, 'effect_kind', e.kind, 'attempt', e.attempt,
                'reason', cut_text(h.outcome, 500), 'by', h.changed_by)
        FROM runs r
        CROSS JOIN LATERAL (SELECT * FROM effect_history h WHERE h.run_id = r.run_id OFFSET 0) h
        CROSS JOIN LATERAL (SELECT * FROM effect e WHERE e.effect_id = h.effect_id OFFSET 0) e
    ), bounds AS (
        SELECT left(nullif(bound, ''), 26)::timestamp AT TIME ZONE 'UTC' AS at, substr(bound, 28) COLLATE "C" AS place
    ), chosen AS (
        SELECT p.* FROM places p CROSS JOIN bounds b
        WHERE b.at IS NULL OR CASE WHEN newest_first THEN p.at < b.at OR p.at = b.at AND p.place COLLATE "C" < b.place
            ELSE p.at > b.at OR p.at = b.at AND p.place COLLATE "C" > b.place END
        ORDER BY CASE WHEN newest_first THEN p.at END DESC, CASE WHEN newest_first THEN p.place END COLLATE "C" DESC,
            CASE WHEN NOT newest_first THEN p.at END, CASE WHEN NOT newest_first THEN p.place END COLLATE "C"
        LIMIT page
    ), entries AS (
        SELECT jsonb_build_object('key', moment(c.at) || ' ' || c.place, 'at', c.at, 'kind', c.kind, 'product', c.product_id,
            'business_date', c.business_date, 'cycle', nullif(c.cycle, ''))
            || coalesce(c.facts, CASE WHEN c.kind = 'refreshed' THEN facts_of_event(c.refresh, c.made_here)
                WHEN c.kind IN ('job started', 'job ended') THEN facts_of_job(c.job, c.kind = 'job ended')
                WHEN (c.change).history_id IS NOT NULL THEN facts_of_change(c.change, c.execution) ELSE facts_of_arrival(c.arrival) END) AS entry
        FROM chosen c
    )
    SELECT p.* FROM page_of((SELECT jsonb_agg(jsonb_strip_nulls(entry) ORDER BY CASE WHEN newest_first THEN '' ELSE entry ->> 'key' END COLLATE "C",
        entry ->> 'key' COLLATE "C" DESC) FROM entries)) p
$$;

CREATE OR REPLACE FUNCTION history_of(product text, first date, last date, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE AS $$
-- As functions of the release before ask.
    SELECT * FROM history_page(product, first, last, after, page, false)
$$;
