"""Values and decisions: what a pin is, what was observed, and what follows from it.

Everything here is a pure function of its arguments: same input, same output, for ever. No I/O, no
clock, no logging, no third-party import. The heart is :func:`pinnedrelease.core.plan.plan`.
"""
