"""Proof before anything is written: linters on everything generated, and what they do not look at."""
