"""Deploys the generated application to AWS, or to the local endpoint: one stack, or several in order."""
