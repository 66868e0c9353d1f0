"""Which of two states of one object is newer."""

from __future__ import annotations


def is_newer(version: str, than: str) -> bool:
    """Whether a resourceVersion is newer than another one of the same kind of object.

    Kubernetes promises that they can be compared as numbers (KEP-5504, conformant since 1.35; so
    it was before with etcd). What is no number counts as newer: then it is looked at.
    """
    if version == than:
        return False
    if not (version.isdecimal() and than.isdecimal()):
        return True
    return int(version) > int(than)
