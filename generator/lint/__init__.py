"""Proof before anything is written: linters on everything generated, and checks of what they leave out."""
