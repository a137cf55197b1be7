-- The question `freshness`: which date of each product is there. Nothing in this file changes anything.

CREATE OR REPLACE FUNCTION latest_refresh(p data_product) RETURNS TABLE (business_date date, cycle text, refreshed_at timestamptz)
LANGUAGE sql STABLE AS $$
-- The latest business date of which the product is complete: by its runs where it runs here, otherwise by its events.
    (SELECT r.business_date, r.cycle, r.finished_at FROM data_product_status r
    WHERE p.machine IS NOT NULL AND r.product_id = p.product_id AND r.status = 'COMPLETED' ORDER BY r.business_date DESC, r.cycle DESC LIMIT 1)
    UNION ALL
    (SELECT e.business_date, e.cycle, e.refreshed_at FROM refresh_event e
    WHERE p.machine IS NULL AND e.product_id = p.product_id AND e.status = 'COMPLETED' AND e.superseded_at IS NULL
    ORDER BY e.business_date DESC, e.refreshed_at DESC LIMIT 1)
$$;

CREATE OR REPLACE FUNCTION freshness_page(of_domain text, after text, page integer) RETURNS TABLE (key text, entry text)
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
-- The products of the catalog (of a domain, if named) after that one, at most `page`: {product, business_date, cycle, refreshed_at} of the latest refresh. One
-- that was never refreshed has its name alone; a date that is refreshed again does not count until it is done.
    SELECT p.* FROM page_of((SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('key', d.product_id, 'product', d.product_id, 'business_date', f.business_date,
            'cycle', nullif(f.cycle, ''), 'refreshed_at', f.refreshed_at)) ORDER BY d.product_id)
        FROM (SELECT * FROM data_product o WHERE o.active AND o.product_id > after AND (of_domain IS NULL OR o.domain = of_domain)
            ORDER BY o.product_id LIMIT page) d
        LEFT JOIN LATERAL latest_refresh(d) f ON true)) p
$$;
