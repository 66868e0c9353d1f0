"""Admission policies that use a PinnedRelease as their parameter: generated, like the CRD.

The expressions (CEL) stand once here; ``manifests/admission/`` holds what ``make manifests``
prints.
"""
