"""Measurements of a running installation between simulated systems; `python -m benchmarks` runs them, docs/benchmarks.md explains them."""
