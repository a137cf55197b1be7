"""The one-machine runtime: what AWS provides, on this machine, without containers or an account."""
