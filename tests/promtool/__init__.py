"""Prometheus' own promtool, built once from its Go module, and the cases that it plays."""
