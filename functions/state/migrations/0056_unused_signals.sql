-- Signals that refreshed nothing: refused, or of no product.

CREATE TABLE unused_signal (
    kind text NOT NULL,
    subject text NOT NULL,              -- what the signal is about, as the catalog names it
    product_id text NOT NULL,           -- the product that names the subject; empty: none does
    refused boolean NOT NULL,           -- a product waits for it and its date cannot be read; otherwise it is of no concern to the product
    reason text NOT NULL,
    example text,                       -- of the last one
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (kind, subject, product_id, refused)
);
CREATE INDEX unused_signal_last ON unused_signal (last_at);
CREATE INDEX signal_heard ON signal (product_id, received_at);
