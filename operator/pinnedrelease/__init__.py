"""PinnedRelease: keeps Kubernetes workloads on exactly the image digest that was declared."""

__version__ = "0.1.0"
