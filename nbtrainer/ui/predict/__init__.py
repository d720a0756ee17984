"""Prediction in the page: thresholds moved while the outlines follow."""
