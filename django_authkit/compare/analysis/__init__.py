"""Turns raw measurements into metrics with confidence intervals, checked statements and findings."""
