"""Measures envship against its peers; `scripts/bench` says how to run it."""
