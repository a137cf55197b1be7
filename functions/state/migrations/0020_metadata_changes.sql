-- What each catalog load changed, so that a run can be compared with the metadata it ran by.

-- The product as the catalog holds it, from which its rows were made.
ALTER TABLE data_product ADD COLUMN source jsonb;

CREATE TABLE catalog_change (
    load_id bigint NOT NULL REFERENCES catalog_load ON DELETE CASCADE,
    name text NOT NULL,                 -- a product, or calendars/<name>
    kind text NOT NULL CHECK (kind IN ('added', 'changed', 'removed')),
    before jsonb,
    after jsonb,
    PRIMARY KEY (load_id, name)
);
CREATE INDEX catalog_change_of ON catalog_change (name, load_id);
