-- Who uses clusters.

CREATE OR REPLACE FUNCTION uses_of(j job_run) RETURNS SETOF cluster_use
LANGUAGE sql STABLE AS $$
-- The uses of a shared cluster by attempts that are in progress.
    SELECT u.* FROM cluster_use u JOIN data_product_status r USING (run_id)
    WHERE u.cluster = j.job AND u.job_run_id = j.job_run_id AND r.attempt = u.attempt AND r.status = 'PROCESSING'
$$;

CREATE OR REPLACE FUNCTION is_needed(j job_run) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether a shared cluster is used, or a run of the same business date waits that will use it. While nothing runs on it, EMR's idle time-out ends it.
    SELECT EXISTS (SELECT FROM uses_of(j)) OR EXISTS (
        SELECT FROM data_pipeline_config c CROSS JOIN LATERAL runs_open_of(c.product_id) r
        WHERE c.type = cluster_type() AND c.resource = j.job AND r.status = 'WAITING'
            AND r.business_date = (SELECT starter.business_date FROM data_product_status starter WHERE starter.run_id = j.run_id))
$$;

CREATE OR REPLACE FUNCTION is_used_by_others(j job_run, run uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN is_shared(j) THEN EXISTS (SELECT FROM uses_of(j) u WHERE u.run_id <> run) ELSE false END
$$;

CREATE OR REPLACE FUNCTION is_abandoned(j job_run) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether it is a cluster that nobody uses any more: its run is not PROCESSING, or at another attempt; one that is shared has no use.
    SELECT CASE WHEN NOT is_cluster(j) THEN false WHEN is_shared(j) THEN NOT is_needed(j) ELSE NOT EXISTS (
        SELECT FROM data_product_status r WHERE r.run_id = j.run_id AND r.attempt = j.attempt AND r.status = 'PROCESSING' OFFSET 0) END
$$;
