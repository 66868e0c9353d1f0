"""The Prometheus operator's own CRDs, out of its Go module: what it accepts is tried on them."""
