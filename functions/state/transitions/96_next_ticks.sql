-- When the scheduler and the monitor next have something to do. While nothing has, nobody wakes the database.

CREATE OR REPLACE FUNCTION next_opening(now_is timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
-- The next moment within a day at which a schedule opens a run; null without one, and where a schedule cannot be evaluated: `open_due_runs`
-- reports that, and leaves it out then. Products that open at the same times are looked at once.
BEGIN
    RETURN (SELECT min(o.at)
        FROM (SELECT DISTINCT ON (l.timezone, l.calendar, l.times, l.months, l.month_days, l.week_days, l.years, l.last_days, l.near_weekdays, l.last_week_days,
                l.nth_week_days) l AS s
            FROM data_product_schedule l JOIN data_product p USING (product_id) WHERE runs_here(p) AND p.opening_error IS NULL) alike
        CROSS JOIN LATERAL openings_of(alike.s, now_is, now_is + interval '1 day') o);
EXCEPTION WHEN OTHERS THEN
    IF is_of_the_database(SQLSTATE) THEN
        RAISE;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION is_watched(r data_product_status, now_is timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
-- Whether something may have happened to the open run that nobody reports. One that waits with its token, or in shadow, is reported by its inputs and its
-- deadline.
    SELECT NOT r.shadow AND (r.status = 'PROCESSING' OR (r.held_over_at IS NULL
        AND (r.task_token IS NULL OR r.released_at IS NOT NULL OR r.deadline_at <= now_is - interval '10 minutes')))
$$;

CREATE OR REPLACE FUNCTION next_look(now_is timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
-- When the monitor next has to look: in ten minutes while something is under way; else when a deadline or an SLA has passed, or an effect of later is due. A signal that settles is published then. Null if nothing is
-- expected within a day.
    SELECT least(next_file_look(now_is), next_risk_look(now_is),
        CASE WHEN EXISTS (SELECT FROM data_product_status r WHERE is_open(r) AND is_watched(r, now_is))
            OR EXISTS (SELECT FROM effect e WHERE is_open(e) AND e.due_at <= now_is + interval '10 minutes') OR EXISTS (SELECT FROM job_run j WHERE is_open(j) AND j.expires_at IS NULL)
            THEN now_is + interval '10 minutes' END,
        (SELECT min(e.due_at) + interval '1 second' FROM effect e WHERE is_open(e) AND e.due_at > now_is AND e.kind = 'put_event' AND e.run_id IS NULL),
        (SELECT min(e.due_at) FROM effect e WHERE is_open(e) AND e.due_at > now_is + interval '10 minutes' AND e.due_at <= now_is + interval '1 day'),
        (SELECT min(r.deadline_at + CASE WHEN r.shadow THEN interval '1 second' ELSE interval '10 minutes' END) FROM data_product_status r
            WHERE is_open(r) AND r.held_over_at IS NULL AND r.deadline_at > now_is - interval '10 minutes'),
        (SELECT min(r.due_at) + interval '1 second' FROM data_product_status r WHERE may_become_late(r) AND r.due_at >= now_is),
        (SELECT min(due.at) + interval '1 second' FROM data_product p
            CROSS JOIN LATERAL generate_series((now_is AT TIME ZONE p.sla_timezone)::date - coalesce(p.sla_days, 0),
                (now_is AT TIME ZONE p.sla_timezone)::date + 1 - coalesce(p.sla_days, 0), interval '1 day') day
            CROSS JOIN LATERAL (SELECT sla_due(p, day::date, NULL, NULL) AS at) due
            WHERE p.complete_by IS NOT NULL AND runs_here(p) AND due.at >= now_is
                AND NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = p.product_id)))
$$;

CREATE OR REPLACE FUNCTION next_ticks(now_is timestamptz, OUT opening timestamptz, OUT look timestamptz)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- For the scheduler and for the monitor, each a minute ahead at least; null where nothing is expected within a day. A backfill that is under way goes on
-- with the scheduler's next round.
    SELECT CASE WHEN o.at IS NOT NULL THEN greatest(o.at, now_is + interval '1 minute') END,
        CASE WHEN l.at IS NOT NULL THEN greatest(l.at, now_is + interval '1 minute') END
    FROM (SELECT least(next_opening(now_is), CASE WHEN EXISTS (SELECT FROM backfill WHERE ended_at IS NULL) THEN now_is + interval '10 minutes' END) AS at) o
    CROSS JOIN (SELECT next_look(now_is) AS at) l
$$;
