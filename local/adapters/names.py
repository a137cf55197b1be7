"""Names that adapters and the callers of the endpoint share. Imports nothing of the endpoint."""

ORGANIZATION = "o-headgatelocal"  # every account of the local runtime belongs to it
INSTANT = "instant"  # a Glue job's script that has nothing to do
STEP_ROLE = "headgate-local-step-functions"  # the role of the functions that products' steps invoke
EMR_SCRIPTS = "/local/emr/"  # parameters of Systems Manager with the script of each EMR job
