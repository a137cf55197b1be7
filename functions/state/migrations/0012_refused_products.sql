-- What a load refused, [{product, reason}]; and why the last opening of a product's runs failed.
ALTER TABLE catalog_load ADD COLUMN refused jsonb NOT NULL DEFAULT '[]';
ALTER TABLE data_product ADD COLUMN opening_error text;

-- A producer's clock that is ahead makes nothing younger than it is.
UPDATE refresh_event SET refreshed_at = received_at WHERE refreshed_at > received_at + interval '1 hour';
