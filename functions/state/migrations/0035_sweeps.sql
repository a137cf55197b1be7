-- Files that wait for the next opening of a product that sweeps have no business date until then. Without `status`, so that its changes touch no index.
CREATE INDEX landing_file_to_sweep ON landing_file (product_id, file_id) WHERE business_date IS NULL AND counts;
