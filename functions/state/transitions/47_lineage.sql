-- What becomes of an attempt, as a run event of OpenLineage (decision 85).

CREATE OR REPLACE FUNCTION nominal_time(r data_product_status) RETURNS text
LANGUAGE sql STABLE AS $$
-- The beginning of the business date, or its cycle, by the clock of the product's schedule, with the offset of that clock.
    SELECT to_char(local.at, 'YYYY-MM-DD"T"HH24:MI:SS') || CASE WHEN local.ahead < interval '0' THEN '-' ELSE '+' END
        || to_char(greatest(local.ahead, -local.ahead), 'HH24:MI')
    FROM (SELECT 1) one
    LEFT JOIN data_product_schedule s ON s.product_id = r.product_id
    CROSS JOIN LATERAL (SELECT r.business_date + coalesce(to_timestamp(nullif(r.cycle, ''), 'HH24MI')::time, '00:00') AS at) day
    CROSS JOIN LATERAL (SELECT day.at, day.at - (day.at AT TIME ZONE coalesce(s.timezone, 'UTC')) AT TIME ZONE 'UTC' AS ahead) local
$$;

CREATE OR REPLACE FUNCTION datasets_used(run uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- What has arrived for the run, [{product, dataset}]; of files where they land. At most two hundred, by name.
    SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('product', u.upstream, 'dataset', coalesce(u.dataset, u.landing))) ORDER BY u.upstream), '[]')
    FROM (SELECT DISTINCT d.upstream, p.dataset, CASE WHEN l.product_id IS NOT NULL
                THEN jsonb_build_object('namespace', 's3://' || l.bucket, 'name', coalesce(nullif(l.prefix, ''), '/')) END AS landing
        FROM inputs_of_run(run) d
        LEFT JOIN data_product p ON p.product_id = d.upstream
        LEFT JOIN landing_source l ON files_input(l.product_id) = d.upstream AND l.product_id = product_of_files(d.upstream)
        WHERE d.status = 'ARRIVED' ORDER BY d.upstream LIMIT 200) u
$$;

CREATE OR REPLACE FUNCTION store_lineage(r data_product_status, status text, now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- The run events of an attempt that has started or ended, where its product publishes them. OpenLineage has a START before each end: an attempt that
-- ended before its pipeline began has both at once. What was skipped, or is made again, is none.
    INSERT INTO effect (effect_key, kind, run_id, attempt, payload, due_at)
    SELECT 'lineage ' || r.run_id || ' ' || r.attempt || ' ' || each.type, 'lineage', r.run_id, r.attempt, jsonb_strip_nulls(jsonb_build_object(
        'type', each.type, 'at', moment(now_is) || 'Z', 'domain', p.domain, 'product', p.name, 'business_date', r.business_date, 'cycle', nullif(r.cycle, ''),
        'run_id', r.run_id, 'attempt', r.attempt, 'nominal_time', nominal_time(r), 'description', p.description, 'owner', p.owner, 'dataset', p.dataset,
        'inputs', datasets_used(r.run_id),
        'error', CASE WHEN each.type <> 'START' THEN s.error END, 'cause', CASE WHEN each.type <> 'START' THEN both_ends(s.cause, 2000) END)), now_is
    FROM data_product p
    JOIN data_product_status s ON s.run_id = r.run_id
    CROSS JOIN unnest(CASE store_lineage.status WHEN 'STARTED' THEN ARRAY['START'] WHEN 'COMPLETED' THEN ARRAY['START', 'COMPLETE']
        WHEN 'ERROR' THEN ARRAY['START', 'FAIL'] WHEN 'CANCELLED' THEN ARRAY['START', 'ABORT'] END) AS each(type)
    WHERE p.product_id = r.product_id AND p.lineage
    ON CONFLICT (effect_key) DO NOTHING
$$;
