-- For lists of a product's files, which say so by `file_id > 0`. As long as nothing is known of the table, a plan takes any index that begins with the product
-- for the files of one set, and then reads all files that the product ever had.
DROP INDEX landing_file_of_product;
CREATE INDEX landing_file_of_product ON landing_file (product_id, file_id) WHERE file_id > 0;
