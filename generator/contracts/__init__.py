"""Products as files of the Open Data Contract Standard (ODCS, https://bitol-io.github.io/open-data-contract-standard), out and in.

What has no key in the standard is under `customProperties`: `visibility`, `dependsOn` (the products upstream) and `needs` (what is needed of each).
"""
