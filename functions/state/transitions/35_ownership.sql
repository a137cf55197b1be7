-- Whose events count: those that the product's own account has published (decision 27).

CREATE OR REPLACE FUNCTION publisher_of(product text) RETURNS text[]
LANGUAGE sql STABLE AS $$
-- The accounts that may publish the product's events: that of its domain; for a product outside the catalog those that dependencies name.
-- Null if any may.
    SELECT CASE WHEN p.product_id IS NULL THEN named.accounts WHEN p.account IS NOT NULL THEN ARRAY[p.account] END
    FROM (SELECT 1) one
    LEFT JOIN data_product p ON p.product_id = product AND p.active
    LEFT JOIN LATERAL (
        SELECT array_agg(DISTINCT d.account ORDER BY d.account) AS accounts FROM data_product_dependencies d
        WHERE d.upstream = product HAVING bool_and(d.account IS NOT NULL)) named ON p.product_id IS NULL
$$;

CREATE OR REPLACE FUNCTION foreign_events(events jsonb) RETURNS jsonb
LANGUAGE sql STABLE AS $$
-- Those of the events that another account than their product's has published, [{event_key, reason}].
    SELECT coalesce(jsonb_agg(jsonb_build_object('event_key', e.event_key, 'reason', format('account %s published it; events of %s count from account %s only',
        coalesce(e.account, 'unknown'), e.product_id, array_to_string(may.accounts, ' or ')))), '[]')
    FROM jsonb_to_recordset(events) AS e(event_key text, product_id text, account text)
    CROSS JOIN LATERAL publisher_of(e.product_id) AS may(accounts)
    WHERE e.account = ANY (may.accounts) IS NOT TRUE AND may.accounts IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION discard_foreign_events(added text[], now_is timestamptz) RETURNS void
LANGUAGE sql AS $$
-- What was received for a product before the catalog had it counts, no matter which account published it. What another account did counts no longer.
    UPDATE refresh_event e SET superseded_at = now_is
    FROM data_product p
    WHERE p.product_id = ANY (added) AND p.account IS NOT NULL AND e.product_id = p.product_id AND e.account IS DISTINCT FROM p.account
        AND e.superseded_at IS NULL
$$;

CREATE OR REPLACE FUNCTION domains_received() RETURNS text[]
LANGUAGE sql STABLE AS $$
-- The domains whose events this account is sent: those whose products run here, and those that these wait for.
    SELECT ARRAY(
        SELECT domain FROM data_product WHERE active AND machine IS NOT NULL
        UNION
        SELECT split_part(d.upstream, '/', 1) FROM data_product_dependencies d JOIN data_product p USING (product_id) WHERE p.active)
$$;
