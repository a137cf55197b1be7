"""Measurements, as ratios of what is compared side by side in one run: these machines are noisy."""
