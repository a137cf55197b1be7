"""Names that adapters and those who use the endpoint share; free of the endpoint's own modules."""

INSTANT = "instant"  # a Glue job's script that has nothing to do
