-- Who held a product and who ended the hold: `data_product.changed_by` names whoever changed anything of it last.

CREATE TABLE data_product_hold_history (
    hold_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id text NOT NULL REFERENCES data_product,
    held boolean NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);
CREATE INDEX data_product_hold_history_of ON data_product_hold_history (product_id, hold_id);
CREATE INDEX data_product_hold_history_at ON data_product_hold_history (changed_at);

INSERT INTO data_product_hold_history (product_id, held, changed_at, changed_by)
SELECT product_id, true, changed_at, changed_by FROM data_product WHERE held ORDER BY product_id;
