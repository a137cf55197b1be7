-- What an alert goes back to: the run itself, a product upstream, an account that is silent, or the scheduler.

CREATE OR REPLACE FUNCTION notified_about(subject text) RETURNS SETOF data_product LANGUAGE sql STABLE AS $$
-- The product of that name; or the bucket, as a product of which owner, domain and notifications are known.
    SELECT * FROM data_product p WHERE p.product_id = subject
    UNION ALL
    SELECT made.* FROM landing_bucket b CROSS JOIN LATERAL jsonb_populate_record(NULL::data_product, jsonb_build_object('product_id', b.bucket_id,
        'domain', split_part(b.bucket_id, '/', 1), 'name', split_part(b.bucket_id, '/', 2), 'description', 'the bucket ' || b.bucket,
        'owner', b.entry ->> 'owner', 'email', b.entry ->> 'email', 'notify', b.entry -> 'notify', 'alerting', coalesce(b.entry -> 'alerts', '{}'))) made
    WHERE b.bucket_id = subject
$$;

CREATE OR REPLACE FUNCTION waits_unreleased(r data_product_status) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether the run waits for inputs, or for the first of them to open it.
    SELECT r.status = 'WAITING' AND r.released_at IS NULL
        OR r.status = 'NOT OPENED' AND NOT EXISTS (SELECT FROM data_product_schedule s WHERE s.product_id = r.product_id)
$$;

CREATE OR REPLACE FUNCTION ended_by_missing_inputs(fact jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(fact ->> 'kind' = 'ERROR' AND fact ->> 'error' IN ('DeadlineExceeded', 'UpstreamFailed'), false)
$$;

CREATE OR REPLACE FUNCTION is_about_inputs(r data_product_status, fact jsonb) RETURNS boolean LANGUAGE sql STABLE AS $$
-- Whether the run failed, is late or at risk because of what it waits for.
    SELECT ended_by_missing_inputs(fact) OR fact ->> 'kind' IN ('LATE', 'AT_RISK') AND waits_unreleased(r)
        OR fact ->> 'kind' = 'AT_RISK' AND r.status = 'NOT OPENED' AND fact ? 'because'
$$;

CREATE OR REPLACE FUNCTION own_cause(r data_product_status) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT concat_ws(' ', r.product_id, r.business_date, nullif(r.cycle, ''))
$$;

CREATE OR REPLACE FUNCTION cause_at(product text, on_date date) RETURNS text LANGUAGE sql STABLE AS $$
-- The cause that alerts about that product and date have: of several cycles the one that failed, or else the last.
    SELECT concat_ws(' ', product, on_date, nullif((
        SELECT r.cycle FROM runs_of_date(product, on_date) r ORDER BY r.status = 'ERROR' DESC, r.cycle DESC LIMIT 1), ''))
$$;

CREATE OR REPLACE FUNCTION silent_account(product text, on_date date) RETURNS text LANGUAGE sql STABLE AS $$
-- The other account that refreshes the product, if nothing of it has come for that date and several of its products are waited for.
    SELECT p.account FROM data_product p
    WHERE p.product_id = product AND p.machine IS NULL AND p.account IS NOT NULL AND (
        SELECT count(*) > 1 AND NOT bool_or(received) AND NOT bool_or(here) FROM (
            SELECT EXISTS (SELECT FROM refresh_event e WHERE e.product_id = q.product_id AND e.business_date = on_date OFFSET 0) AS received,
                q.machine IS NOT NULL AS here
            FROM data_product q
            WHERE q.account = p.account AND q.active AND (q.machine IS NOT NULL
                OR EXISTS (SELECT FROM data_product_dependencies_events_status d WHERE d.upstream = q.product_id AND d.required_date = on_date OFFSET 0))) known)
$$;

CREATE OR REPLACE FUNCTION failures_behind(r data_product_status, now_is timestamptz) RETURNS TABLE (product text, on_date date, place bigint, failed_at timestamptz)
LANGUAGE sql STABLE AS $$
-- The root causes of a wait, and since when those have failed that did, in this account or in another.
    SELECT b.product, b.on_date, b.place, (
        SELECT min(failure.at) FROM (
            SELECT f.finished_at AS at FROM data_product_status f
            WHERE f.product_id = b.product AND f.business_date = b.on_date AND f.status = 'ERROR'
            UNION ALL
            SELECT e.received_at FROM refresh_event e
            WHERE e.product_id = b.product AND e.business_date = b.on_date AND e.status = 'ERROR' AND e.superseded_at IS NULL
        ) failure)
    FROM (
        SELECT root ->> 'product' AS product, (root ->> 'business_date')::date AS on_date, place
        FROM jsonb_array_elements(root_causes(r.product_id, r.business_date, r.cycle, now_is)) WITH ORDINALITY behind(root, place)) b
$$;

CREATE OR REPLACE FUNCTION cause_of(r data_product_status, fact jsonb, now_is timestamptz, OUT cause text, OUT root text, OUT on_date date)
LANGUAGE plpgsql STABLE AS $$
-- The cause of an alert, and the product or other thing behind it; without a `root` it is the run itself. Of several missing inputs the first that
-- failed, or else the first. An outage of the scheduler is one cause, whatever the dates; files without a date are one by the day on which they came.
DECLARE
    away text;
BEGIN
    cause := CASE WHEN fact ? 'undated' THEN files_input(r.product_id) || ' ' || r.business_date ELSE own_cause(r) END;
    IF fact ->> 'kind' = 'LATE' AND r.status = 'NOT OPENED' AND NOT waits_unreleased(r) THEN
        IF EXISTS (SELECT FROM data_product p WHERE p.product_id = r.product_id AND p.opening_error IS NULL) THEN
            root := 'the scheduler';
            cause := coalesce((SELECT max(c.cause) FROM alert_conversation c WHERE c.cause LIKE 'the scheduler %' AND c.state = 'OPEN'),
                'the scheduler ' || (now_is AT TIME ZONE 'UTC')::date);
        END IF;
    ELSIF is_about_inputs(r, fact) THEN
        SELECT coalesce(product_of_files(b.product), b.product), b.on_date INTO root, on_date FROM failures_behind(r, now_is) b ORDER BY b.failed_at NULLS LAST, b.place LIMIT 1;
        IF root IS NOT NULL THEN
            away := silent_account(root, on_date);
            cause := coalesce('account ' || away || ' ' || on_date, cause_at(root, on_date), cause);
            root := coalesce('account ' || away, nullif(root, r.product_id));  -- that its own files are missing is its own failure
        END IF;
    END IF;
END $$;
