"""Figures, each beside a reference that is measured in the same run.

Absolute times mean nothing on a shared machine; ratios do.
"""
