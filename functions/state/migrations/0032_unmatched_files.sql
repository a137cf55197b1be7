-- Files of no source are looked at again when a source of their bucket has changed since.
CREATE INDEX landing_file_to_match ON landing_file (bucket, matched_at, file_id) WHERE product_id IS NULL;
