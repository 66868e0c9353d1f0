"""The status of a PinnedRelease is written by the operator alone, whatever the roles say.

``managedFields`` names the writer of a field as the writer calls himself, so that by itself it is
no proof: ``kubectl patch --subresource=status --field-manager=NAME``.
"""

from __future__ import annotations

from pinnedrelease.api import names
from pinnedrelease.api.admission.expressions import IS_OPERATOR
from pinnedrelease.api.admission.objects import Manifest, refusing, rule, validating


def own_status_policies() -> list[Manifest]:
    """One policy, for UPDATE: the API server drops the status of an object that is created."""
    name = "pinnedrelease-own-status"
    check = {
        "expression": IS_OPERATOR,
        "message": "the status of a PinnedRelease is written by its operator alone",
        "reason": "Forbidden",
    }
    of_status = rule(names.GROUP, [f"{names.PLURAL}/status"], ["UPDATE"])
    return [validating(name, [of_status], [check]), refusing(name)]
