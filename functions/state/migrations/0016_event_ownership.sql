-- The account that may publish a product's events; null: any.
ALTER TABLE data_product ADD COLUMN account text;
