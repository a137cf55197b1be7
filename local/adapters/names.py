"""Names that adapters and those who use the endpoint share; free of the endpoint's own modules."""

ORGANIZATION = "o-headgatelocal"  # every account of the local runtime belongs to it
INSTANT = "instant"  # a Glue job's script that has nothing to do
STEP_ROLE = "headgate-local-step-functions"  # the role of the functions that products' steps invoke
