"""Headgate: starts each data product's pipeline at the moment everything it depends on has been refreshed."""
