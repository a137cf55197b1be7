-- Files of which a job has said that no retry helps: a permission is missing, or the object is gone. Neither the retry of a step nor an attempt that starts
-- by itself tries them again; a person does.

ALTER TABLE landing_file ADD COLUMN retriable boolean NOT NULL DEFAULT true;
