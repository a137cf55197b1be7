-- The question `history`: what happened, in order. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION entry_of(position_at timestamptz, place text, kind text, product text, business_date date, cycle text, facts jsonb)
RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- An entry of the history. Entries of one moment are in the order of their `place`.
    SELECT jsonb_build_object('key', moment(position_at) || ' ' || place, 'at', position_at, 'kind', kind, 'product', product,
        'business_date', business_date, 'cycle', nullif(cycle, '')) || facts
$$;

CREATE OR REPLACE FUNCTION numbered(number bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT lpad(number::text, 12, '0')
$$;

CREATE OR REPLACE FUNCTION history_of(product text, first date, last date, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What happened to runs of those business dates (of one product, if named), oldest first: at most `page` entries after the entry
-- whose key is `after`, as many as fit into an answer. Kinds: refreshed, run, condition changed, SLA changed, outdated, input added, input removed,
-- input reopened, late, arrived, waived, waiver ended, job started, job ended, held, hold ended, started again, effect parked, effect retried,
-- metadata changed. The last, and a hold of a product itself, stand on the days (in UTC) on which they came and ended.
-- `repaired`: the monitor found that it had been missed. `foreign`: an event of a product with a pipeline here that none of its runs published.
    WITH runs AS MATERIALIZED (
        SELECT run_id, product_id, business_date, cycle FROM data_product_status
        WHERE product IS NULL AND business_date BETWEEN first AND last
        UNION ALL
        SELECT run_id, product_id, business_date, cycle FROM data_product_status
        WHERE product_id = product AND business_date BETWEEN first AND last
    ), events AS (
        SELECT * FROM refresh_event WHERE product IS NULL AND business_date BETWEEN first AND last
        UNION ALL
        SELECT * FROM refresh_event WHERE product_id = product AND business_date BETWEEN first AND last
    ), refreshes AS (
        SELECT entry_of(e.received_at, '0 ' || e.event_key, 'refreshed', e.product_id, e.business_date, e.cycle,
            jsonb_build_object('status', e.status, 'attempt', e.attempt, 'account', e.account, 'reason', cut_text(e.cause, 500),
                'foreign', CASE WHEN made_here THEN true END)) AS entry
        FROM events e
        CROSS JOIN LATERAL (SELECT (SELECT p.machine IS NOT NULL FROM data_product p WHERE p.product_id = e.product_id) AS made_here) product
        WHERE (made_here IS NOT true OR NOT EXISTS (SELECT FROM runs_of_date(e.product_id, e.business_date) r WHERE r.run_id::text = e.run_id OFFSET 0))
    ), changes AS (
        -- an end comes after the jobs of its moment, and before the attempt that a restart opens at the same moment
        SELECT entry_of(h.changed_at, CASE WHEN h.event = 'resumed' THEN '2~'
            WHEN opens OR h.event = 'condition_changed' THEN '1 ' || numbered(h.attempt) WHEN NOT ends THEN '3'
                WHEN h.next_at = h.changed_at THEN '1 ' || numbered(h.attempt) || '~' ELSE '6' END || ' ' || h.product_id || ' ' || numbered(h.history_id),
            CASE h.event WHEN 'late' THEN 'late' WHEN 'held' THEN 'held' WHEN 'hold_removed' THEN 'hold ended'
                WHEN 'started_again' THEN 'started again'
                WHEN 'condition_changed' THEN 'condition changed' WHEN 'due_changed' THEN 'SLA changed' WHEN 'outdated' THEN 'outdated'
                    ELSE 'run' END, h.product_id, h.business_date, h.cycle,
            jsonb_build_object('opened', CASE WHEN opens THEN true END, 'attempt', h.attempt, 'status', h.status,
                'resumed', CASE WHEN h.event = 'resumed' THEN true END, 'released', CASE WHEN releases THEN true END,
                'reason', CASE WHEN releases THEN h.release_reason END,
                'repaired', CASE WHEN h.event IN ('repaired', 'started_again') THEN true END,
                'error', cut_text(h.error, 500), 'cause', cut_text(h.cause, 600), 'execution_arn', h.execution, 'by', h.changed_by,
                'commit', CASE WHEN opens OR h.event = 'started' THEN (load_at(h.changed_at)).commit END)) AS entry
        FROM runs r
        CROSS JOIN LATERAL (SELECT *, lead(changed_at) OVER (ORDER BY history_id) AS next_at,
            max(execution_arn) OVER (PARTITION BY attempt ORDER BY history_id) AS execution
            FROM data_product_status_history h WHERE h.run_id = r.run_id OFFSET 0) h
        CROSS JOIN LATERAL (SELECT h.event IN ('opened', 'rerun', 'restarted', 'resumed') AS opens, h.event IN ('released', 'repaired') AS releases,
            h.event IN ('completed', 'failed', 'skipped', 'cancelled') AS ends) kind
    ), unopened AS (
        SELECT entry_of(u.late_at, '3 ' || u.product_id || ' ' || u.cycle, 'late', u.product_id, u.business_date, u.cycle,
            '{"status": "NOT OPENED", "by": "monitor"}') AS entry
        FROM unmade_opening u
        WHERE u.late_at IS NOT NULL AND u.business_date BETWEEN first AND last AND (product IS NULL OR u.product_id = product)
    ), holds AS (
        SELECT entry_of(h.changed_at, '0 ' || h.product_id || ' ' || numbered(h.hold_id), CASE WHEN h.held THEN 'held' ELSE 'hold ended' END,
            h.product_id, NULL, NULL, jsonb_build_object('by', h.changed_by)) AS entry
        FROM data_product_hold_history h
        WHERE h.changed_at >= first AT TIME ZONE 'UTC' AND h.changed_at < (last + 1) AT TIME ZONE 'UTC' AND (product IS NULL OR h.product_id = product)
    ), metadata AS (
        SELECT entry_of(l.loaded_at, '0 ' || c.name, 'metadata changed', c.name, NULL, NULL, jsonb_build_object('commit', l.commit, 'by', l.loaded_by)) AS entry
        FROM catalog_load l JOIN catalog_change c USING (load_id)
        WHERE l.loaded_at >= first AT TIME ZONE 'UTC' AND l.loaded_at < (last + 1) AT TIME ZONE 'UTC' AND c.kind = 'changed'
            AND (product IS NULL OR c.name = product)
    ), effects AS (
        SELECT entry_of(h.changed_at, '5 ' || r.product_id || ' ' || numbered(h.history_id), 'effect ' || h.event, r.product_id, r.business_date, r.cycle,
            jsonb_build_object('effect', e.effect_id, 'effect_kind', e.kind, 'attempt', e.attempt, 'reason', cut_text(h.outcome, 500),
                'by', h.changed_by)) AS entry
        FROM runs r
        CROSS JOIN LATERAL (SELECT * FROM effect_history h WHERE h.run_id = r.run_id OFFSET 0) h
        CROSS JOIN LATERAL (SELECT * FROM effect e WHERE e.effect_id = h.effect_id OFFSET 0) e
    ), arrivals AS (
        SELECT entry_of(d.changed_at, '2 ' || r.product_id || ' ' || numbered(d.history_id),
            CASE d.event WHEN 'added' THEN 'input added' WHEN 'removed' THEN 'input removed' WHEN 'reopened' THEN 'input reopened'
                WHEN 'unwaived' THEN 'waiver ended' ELSE d.event END, r.product_id, r.business_date, r.cycle,
            jsonb_build_object('upstream', d.upstream, 'event', d.event_key, 'required_date', d.required_date, 'by', d.changed_by, 'reason', d.reason,
                'required_cycle', CASE WHEN d.event <> 'arrived' THEN nullif(d.cycle, '*') END)) AS entry
        FROM runs r
        CROSS JOIN LATERAL (SELECT * FROM data_product_dependencies_events_status_history d WHERE d.run_id = r.run_id OFFSET 0) d
        WHERE d.event IN ('arrived', 'added', 'removed', 'reopened', 'waived', 'unwaived')
    ), jobs AS (
        SELECT j, r.product_id, r.business_date, r.cycle, jsonb_build_object('attempt', (j).attempt, 'step', (j).step, 'type', (j).type,
            'job', (j).job, 'job_run_id', (j).job_run_id, 'handle', nullif((j).handle, '{}')) AS facts
        FROM runs r CROSS JOIN LATERAL (SELECT j FROM job_run j WHERE j.run_id = r.run_id OFFSET 0) j
    ), job_starts AS (
        SELECT entry_of((j).started_at, '4 ' || product_id || ' ' || (j).step || ' ' || (j).job_run_id, 'job started', product_id, business_date, cycle,
            facts) AS entry
        FROM jobs
    ), job_ends AS (
        -- an end may be known before the start was recorded; it is shown after it all the same
        SELECT entry_of(greatest((j).ended_at, (j).started_at),
            CASE WHEN (j).ended_at > (j).started_at THEN '1 ' ELSE '4~' END || product_id || ' ' || coalesce((j).step, '') || ' ' || (j).job_run_id,
            'job ended', product_id, business_date, cycle,
            facts || jsonb_build_object('status', (j).state, 'cause', cut_text((j).message, 600))) AS entry
        FROM jobs WHERE (j).ended_at IS NOT NULL
    ), entries AS (
        SELECT entry FROM refreshes UNION ALL SELECT entry FROM changes UNION ALL SELECT entry FROM arrivals UNION ALL SELECT entry FROM holds
        UNION ALL SELECT entry FROM unopened UNION ALL SELECT entry FROM metadata UNION ALL SELECT entry FROM effects
        UNION ALL SELECT entry FROM job_starts UNION ALL SELECT entry FROM job_ends
    )
    SELECT p.* FROM page_of((SELECT jsonb_agg(jsonb_strip_nulls(entry) ORDER BY entry ->> 'key' COLLATE "C") FROM (
        SELECT entry FROM entries WHERE entry ->> 'key' COLLATE "C" > after ORDER BY entry ->> 'key' COLLATE "C" LIMIT page) first)) p
$$;
