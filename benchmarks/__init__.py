"""Figures: what our own work costs, as ratios to the raw HTTP client in the same run."""
