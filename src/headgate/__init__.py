"""Headgate: starts each data product's pipeline at the moment everything it depends on has been refreshed."""

VERSION = "0.2.0"
