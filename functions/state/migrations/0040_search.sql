-- What a search for products looks through, in lower case, with the names of their jobs.
ALTER TABLE data_product ADD COLUMN jobs text NOT NULL DEFAULT '';
UPDATE data_product p SET jobs = coalesce((SELECT string_agg(DISTINCT c.resource, ' ') FROM data_pipeline_config c WHERE c.product_id = p.product_id), '');
ALTER TABLE data_product ADD COLUMN searched text GENERATED ALWAYS AS (lower(product_id || ' ' || owner || ' ' || jobs || ' ' || description)) STORED;
