"""Writes plans down as JSON through Jinja2 templates; decides nothing."""
