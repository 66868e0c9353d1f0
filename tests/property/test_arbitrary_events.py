"""P-6: whatever a watch brings, the handlers live, and what others wait for is still done."""

from __future__ import annotations

import ssl
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from objects import deployment, pinned_release
from pinnedrelease.cluster.configuration import ClusterAccess, TokenSource
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import MalformedDocument
from pinnedrelease.cluster.leases import decode_lease
from pinnedrelease.cluster.pods import decode_pod
from pinnedrelease.cluster.policies import with_bindings
from pinnedrelease.cluster.workloads import placed_workload
from pinnedrelease.controller.service import Operator
from pinnedrelease.controller.settings import parse_settings
from pinnedrelease.controller.spans import Spans
from pinnedrelease.core.pin import TargetKind
from pinnedrelease.reconcile.clock import SystemClock

texts = st.text(max_size=12)
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
words = st.sampled_from(
    ["metadata", "name", "namespace", "resourceVersion", "uid", "spec", "status", "targetRef",
     "kind", "annotations", "managedFields", "template", "containers", "image", "digest",
     "ownerReferences", "generation", "fieldsV1", "time", "policyName", "validationActions"]
)  # fmt: skip
json_values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | texts, inner, max_size=5),
    max_leaves=15,
)
objects = st.dictionaries(words, json_values, max_size=6)
kinds = st.sampled_from(TargetKind)
events = st.sampled_from([None, "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "strange"])


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """An object that is right but for one place, which has something else."""
    made: Any = draw(st.sampled_from([pinned_release(), deployment()]))
    made = {**made, "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "1"}}
    field = draw(st.sampled_from(list(made)))
    made[field] = draw(json_values)
    return dict(made)


def operator() -> Operator:
    access = ClusterAccess(
        server="https://127.0.0.1:1",
        tls=ssl.create_default_context(),
        tokens=TokenSource(lambda: None, lambda: 0.0),
    )
    return Operator(parse_settings(["--admission-hold"], {}), access, SystemClock(), Spans())


ONE = operator()


@given(events, objects | damaged())
@example(None, {**pinned_release(), "generation": -(2**63) - 1})
async def test_the_handler_takes_any_object(event: str | None, document: dict[str, Any]) -> None:
    ONE._wake(event, document)


@given(kinds, objects | damaged())
def test_what_is_read_is_a_value_or_an_error_of_ours(
    kind: TargetKind, document: dict[str, Any]
) -> None:
    for read in (
        lambda: placed_workload(kind)(Document.of(document)),
        lambda: decode_lease(Document.of(document)),
        lambda: decode_pod(document),
        lambda: with_bindings("Policy", ["a"], [Document.of(document)]),
    ):
        try:
            read()
        except MalformedDocument:
            continue
