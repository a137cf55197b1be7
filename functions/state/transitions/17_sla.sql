-- The SLA of a business date: when it is due and whether it was kept. A rerun, a restart and a late opening change nothing of it.

CREATE OR REPLACE FUNCTION sla_moment(complete_by time, zone text, days integer, day date, opens_at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
-- That time of the day by the clock of the zone, so many days later; without `days` on the next day where it is before the opening. Inlined.
    SELECT (day + complete_by + make_interval(days => coalesce(days, CASE WHEN (day + complete_by) AT TIME ZONE zone < opens_at THEN 1 ELSE 0 END))) AT TIME ZONE zone
$$;

CREATE OR REPLACE FUNCTION sla_due(p data_product, on_date date, opens_at timestamptz, opened_at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
-- When the product is due for the business date; null without an SLA. `opens_at` is its schedule's opening for that date, null without a
-- schedule; `opened_at` is when the first input opened its run, null if none did.
    SELECT CASE WHEN p.complete_by IS NULL THEN opened_at + make_interval(secs => p.sla_after_seconds)
        ELSE sla_moment(p.complete_by, p.sla_timezone, p.sla_days, day, opens_at) END
    FROM (SELECT coalesce((opens_at AT TIME ZONE p.sla_timezone)::date, on_date) AS day) counted_from
$$;

CREATE OR REPLACE FUNCTION sla_at_opening(p data_product, on_date date, opens_at timestamptz, now_is timestamptz, late boolean) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
-- When a run that is opened now is due; null if it has no SLA. One that is opened after it was due has one only where that is late: by the schedule,
-- or by an event within a day. With `late` false it has none: a date of the past is opened on purpose, and nobody waits for it.
    SELECT due.at FROM (SELECT sla_due(p, on_date, opens_at, CASE WHEN late THEN now_is END) AS at) due
    WHERE due.at > now_is OR (late AND due.at > p.sla_since AND (opens_at IS NOT NULL OR due.at > now_is - interval '1 day'))
$$;

CREATE OR REPLACE FUNCTION kept_sla(r data_product_status) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether an attempt had completed when the run was due, or the run was SKIPPED or CANCELLED then.
    SELECT EXISTS (SELECT FROM data_product_status_history h WHERE h.run_id = r.run_id AND h.event = 'completed' AND h.changed_at <= r.due_at)
        OR coalesce((SELECT h.status IN ('SKIPPED', 'CANCELLED') FROM data_product_status_history h
            WHERE h.run_id = r.run_id AND h.changed_at <= r.due_at ORDER BY h.history_id DESC LIMIT 1), false)
$$;

CREATE OR REPLACE FUNCTION is_late(r data_product_status, now_is timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- True if the SLA is missed, null if not. A run that was skipped or cancelled misses none.
    SELECT true WHERE r.due_at < CASE r.status WHEN 'COMPLETED' THEN r.finished_at ELSE now_is END AND r.status NOT IN ('SKIPPED', 'CANCELLED')
        AND NOT kept_sla(r)
$$;

CREATE OR REPLACE FUNCTION unopened_run(u unmade_opening) RETURNS data_product_status
LANGUAGE sql STABLE AS $$
-- The run that nobody has opened, as a row with the status NOT OPENED.
    SELECT jsonb_populate_record(NULL::data_product_status, to_jsonb(u) || jsonb_build_object('status', 'NOT OPENED', 'attempt', 1, 'late_notified', u.late_at IS NOT NULL))
$$;
