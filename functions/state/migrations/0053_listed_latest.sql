-- Whether a listing said that a version is the latest of its object, null where no listing said anything. A listing has no sequencers and moments in seconds: of two
-- versions of one second it is all that tells which is newer.

ALTER TABLE landing_file ADD COLUMN latest boolean;
