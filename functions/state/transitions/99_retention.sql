-- What has served its purpose is deleted after its time. What is open keeps all that belongs to it.

CREATE OR REPLACE FUNCTION is_done(e effect) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN e.done_at IS NULL THEN false ELSE true END
$$;

CREATE OR REPLACE FUNCTION is_of_nobody(j job_run) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN j.run_id IS NULL THEN true ELSE false END
$$;

CREATE OR REPLACE FUNCTION run_is_open(run uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM data_product_status r WHERE r.run_id = run AND r.status IN ('WAITING', 'PROCESSING') OFFSET 0)
$$;

CREATE OR REPLACE FUNCTION spent_effects(moment timestamptz, most integer) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
-- Done before that moment. The start of an open run may be repeated, and one with a history is part of that of its run.
    SELECT e.effect_id FROM effect e
    WHERE is_done(e) AND e.done_at < moment AND NOT run_is_open(e.run_id)
        AND NOT EXISTS (SELECT FROM effect_history h WHERE h.effect_id = e.effect_id OFFSET 0)
    ORDER BY e.done_at LIMIT most
$$;

CREATE OR REPLACE FUNCTION spent_alerts(moment timestamptz, most integer) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT a.alert_key FROM alert a WHERE was_notified(a) AND a.notified_at < moment AND NOT run_is_open(a.run_id) ORDER BY a.notified_at LIMIT most
$$;

CREATE OR REPLACE FUNCTION spent_products(moment timestamptz, most integer) RETURNS SETOF text LANGUAGE sql STABLE AS $$
-- Removed before that moment, and without a run or a refresh here.
    SELECT p.product_id FROM data_product p
    WHERE NOT p.active AND p.changed_at < moment
        AND NOT EXISTS (SELECT FROM data_product_status r WHERE r.product_id = p.product_id OFFSET 0)
        AND NOT EXISTS (SELECT FROM refresh_event e WHERE e.product_id = p.product_id OFFSET 0)
    ORDER BY p.product_id LIMIT most
$$;

CREATE OR REPLACE FUNCTION delete_products(products text[]) RETURNS integer LANGUAGE plpgsql AS $$
-- Those of the products that are still removed, with what belongs to them, and usual times that nobody asks for any more. Gives how many.
DECLARE
    removed text[] := ARRAY(SELECT product_id FROM data_product WHERE product_id = ANY (products) AND NOT active ORDER BY product_id FOR UPDATE);
BEGIN
    DELETE FROM data_product_hold_history WHERE product_id = ANY (removed);
    DELETE FROM data_pipeline_config WHERE product_id = ANY (removed);
    DELETE FROM unmade_opening WHERE product_id = ANY (removed);
    DELETE FROM data_product WHERE product_id = ANY (removed);
    DELETE FROM usual_time u WHERE NOT EXISTS (SELECT FROM data_product p WHERE p.product_id = u.product_id)
        AND NOT EXISTS (SELECT FROM data_product_dependencies d WHERE d.upstream = u.product_id);
    RETURN cardinality(removed);
END $$;

CREATE OR REPLACE FUNCTION delete_files(details timestamptz, history timestamptz, most integer) RETURNS integer LANGUAGE plpgsql AS $$
-- Files received before `history`, those of no source before `details`, with what belongs to them, and sets of dates before it. Gives how many files. Numbers
-- of files are given in the order of their receipt.
DECLARE
    spent bigint[] := ARRAY(
        SELECT f.file_id FROM (SELECT * FROM landing_file l ORDER BY l.file_id LIMIT most) f
            WHERE f.received_at < history AND f.status <> 'CLAIMED' AND NOT (waits_for_sweep(f) AND sweeps(f.product_id))
        UNION
        SELECT f.file_id FROM (SELECT * FROM landing_file l WHERE l.product_id IS NULL ORDER BY l.received_at, l.file_id LIMIT most) f
            WHERE f.received_at < details);
BEGIN
    DELETE FROM landing_file_history WHERE file_id = ANY (spent);
    DELETE FROM landing_file WHERE file_id = ANY (spent);
    DELETE FROM landing_notice n WHERE n.business_date < (CASE WHEN n.undated THEN details ELSE history END AT TIME ZONE 'UTC')::date;
    DELETE FROM landing_set s WHERE (s.product_id, s.business_date, s.cycle) IN (
        SELECT o.product_id, o.business_date, o.cycle FROM landing_set o WHERE o.business_date < (history AT TIME ZONE 'UTC')::date
        ORDER BY o.business_date LIMIT most);
    RETURN cardinality(spent);
END $$;

CREATE OR REPLACE FUNCTION delete_status_changes(moment timestamptz, most integer, now_is timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
-- Those that had been noted by a mark of before that moment. The marks before it go with them, and one stays: from its position on everything is kept.
DECLARE
    last status_mark;
    deleted integer;
BEGIN
    INSERT INTO status_mark (noted_at, position) VALUES (now_is, pg_snapshot_xmin(pg_current_snapshot())) ON CONFLICT DO NOTHING;
    SELECT * INTO last FROM status_mark m WHERE m.noted_at <= moment ORDER BY m.noted_at DESC LIMIT 1;
    DELETE FROM status_mark m WHERE m.noted_at < last.noted_at;
    DELETE FROM status_change WHERE ctid = ANY (ARRAY(
        SELECT c.ctid FROM status_change c WHERE c.changed_in < last.position ORDER BY c.changed_in LIMIT most));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END $$;

CREATE OR REPLACE FUNCTION delete_spent(history_days integer, detail_days integer, archive_days integer, most integer, now_is timestamptz) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off AS $$
-- Deletes at most `most` rows of each kind that have outlived their time, and gives how many {effects, alerts, job_runs, loads, staged, holds,
-- openings, backfills, pages, files, products, status_changes}. Effects done, alerts, their conversations, signals that refreshed nothing and backfills that have ended are kept `detail_days`; loads of the catalog, holds
-- that have ended, openings that were not made, signals, files and what the existing scheduler ran `history_days`; pages of the archive as long as their objects, `archive_days`. Ends of job runs
-- that no machine has reported and what a dead loader staged: one day; which rows of `status` have changed: two.
DECLARE
    details timestamptz := now_is - make_interval(days => detail_days);
    history timestamptz := now_is - make_interval(days => history_days);
    keys text[];
    effects integer; alerts integer; job_runs integer; loads integer; staged integer; holds integer; openings integer; pages integer;
    ended integer;
BEGIN
    DELETE FROM effect WHERE effect_id = ANY (ARRAY(SELECT spent_effects(details, most)));
    GET DIAGNOSTICS effects = ROW_COUNT;
    keys := ARRAY(SELECT spent_alerts(details, most));
    DELETE FROM alert_delivery WHERE alert_key = ANY (keys);
    DELETE FROM alert WHERE alert_key = ANY (keys);
    GET DIAGNOSTICS alerts = ROW_COUNT;
    DELETE FROM alert_conversation c WHERE (c.cause, c.channel, c.target) IN (
        SELECT s.cause, s.channel, s.target FROM alert_conversation s
        WHERE s.changed_at < details AND NOT EXISTS (SELECT FROM alert a WHERE a.cause = s.cause OFFSET 0) ORDER BY s.changed_at LIMIT most);
    DELETE FROM alert_mute m WHERE m.until < now_is;
    DELETE FROM job_run WHERE job_run_id = ANY (ARRAY(
        SELECT j.job_run_id FROM job_run j WHERE is_of_nobody(j) AND j.changed_at < now_is - interval '1 day' ORDER BY j.changed_at LIMIT most FOR UPDATE));
    GET DIAGNOSTICS job_runs = ROW_COUNT;
    DELETE FROM catalog_load WHERE load_id = ANY (ARRAY(
        SELECT l.load_id FROM catalog_load l WHERE l.loaded_at < history AND l.load_id < (SELECT max(load_id) FROM catalog_load) LIMIT most));
    GET DIAGNOSTICS loads = ROW_COUNT;
    DELETE FROM catalog_stage WHERE upload = ANY (ARRAY(SELECT s.upload FROM catalog_stage s WHERE s.staged_at < now_is - interval '1 day' LIMIT most));
    GET DIAGNOSTICS staged = ROW_COUNT;
    DELETE FROM data_product_hold_history WHERE hold_id = ANY (ARRAY(
        SELECT h.hold_id FROM data_product_hold_history h WHERE h.changed_at < history AND EXISTS (
            SELECT FROM data_product_hold_history later WHERE later.product_id = h.product_id AND later.hold_id > h.hold_id OFFSET 0)
        ORDER BY h.changed_at LIMIT most));
    GET DIAGNOSTICS holds = ROW_COUNT;
    DELETE FROM signal WHERE signal_key = ANY (ARRAY(
        SELECT s.signal_key FROM signal s WHERE s.received_at < history ORDER BY s.received_at LIMIT most));
    DELETE FROM existing_job_run WHERE job_run_id = ANY (ARRAY(
        SELECT j.job_run_id FROM existing_job_run j WHERE j.seen_at < history ORDER BY j.seen_at LIMIT most));
    DELETE FROM existing_run x WHERE (x.business_date, x.product_id, x.cycle) IN (
        SELECT o.business_date, o.product_id, o.cycle FROM existing_run o WHERE o.business_date < (history AT TIME ZONE 'UTC')::date
        ORDER BY o.business_date, o.product_id, o.cycle LIMIT most);
    DELETE FROM unused_signal u WHERE u.ctid = ANY (ARRAY(SELECT s.ctid FROM unused_signal s WHERE s.last_at < details ORDER BY s.last_at LIMIT most));
    DELETE FROM unmade_opening WHERE run_id = ANY (ARRAY(
        SELECT u.run_id FROM unmade_opening u WHERE u.business_date < (history AT TIME ZONE 'UTC')::date ORDER BY u.business_date LIMIT most));
    GET DIAGNOSTICS openings = ROW_COUNT;
    DELETE FROM backfill WHERE backfill_id = ANY (ARRAY(
        SELECT b.backfill_id FROM backfill b WHERE b.ended_at < details ORDER BY b.backfill_id LIMIT most));
    GET DIAGNOSTICS ended = ROW_COUNT;
    DELETE FROM archive_page WHERE page_id = ANY (ARRAY(
        SELECT a.page_id FROM archive_page a WHERE a.archived_at < now_is - make_interval(days => archive_days) ORDER BY a.archived_at LIMIT most));
    GET DIAGNOSTICS pages = ROW_COUNT;
    RETURN jsonb_build_object('effects', effects, 'alerts', alerts, 'job_runs', job_runs, 'loads', loads, 'staged', staged, 'holds', holds,
        'openings', openings, 'backfills', ended, 'pages', pages, 'status_changes', delete_status_changes(now_is - interval '2 days', most, now_is), 'files', delete_files(details, history, most), 'products', delete_products(ARRAY(SELECT spent_products(details, most))));
END $$;

CREATE OR REPLACE FUNCTION record_retention(of_report jsonb, now_is timestamptz) RETURNS void
LANGUAGE sql SET enable_seqscan = off AS $$
    INSERT INTO retention (ran_at, report) SELECT now_is, of_report
    ON CONFLICT (last) DO UPDATE SET ran_at = excluded.ran_at, report = excluded.report
$$;

CREATE OR REPLACE FUNCTION retention_health() RETURNS jsonb
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- What the last retention did {ran_at, ... of its report}, the first business date of which a run is here, and how long ago the oldest that has ended did.
    SELECT jsonb_strip_nulls(coalesce((SELECT t.report || jsonb_build_object('ran_at', t.ran_at) FROM retention t), '{}') || jsonb_build_object(
        'first_date', (SELECT min(business_date) FROM data_product_status), 'oldest_end', (SELECT min(finished_at) FROM data_product_status)))
$$;
