"""Figures, each beside its physical limit or a reference that is measured in the same run.

Absolute times mean nothing on a shared machine; ratios do. ``python -m benchmarks`` runs sections
on a real control plane; ``soak`` is a program of its own.
"""
