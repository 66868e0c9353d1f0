"""The reference of all metrics, made from their list."""

from __future__ import annotations

import sys

from pinnedrelease.controller.metric_families import (
    DISTINCT_LIMIT,
    GROUPS,
    OTHERS,
    Family,
    MetricType,
)

HEAD = f"""\
# Metrics

Made from the code by `make metrics-reference`; do not edit. How to have them scraped, alerts and a
dashboard: [monitoring](how-to/monitoring.md).

Names and labels are controller-runtime's where it has the metric; `controller` and `name` of
those are `pinnedrelease`. Series of a PinnedRelease come from the leader alone and vanish with it;
one at rest has eight. Label values that others choose (`actor`, `host` of a registry) are bounded:
the first {DISTINCT_LIMIT} of a process are told apart, the rest is `{OTHERS}`.
"""


def render_reference() -> str:
    """Markdown with every family."""
    parts = [HEAD]
    for title, families in GROUPS.items():
        parts.append(
            f"\n## {title}\n\n| name and labels | type | says | series |\n|---|---|---|---|\n"
        )
        parts += [_row(family) for family in families]
    return "".join(parts)


def _row(family: Family) -> str:
    labels = f"{{{', '.join(family.labels)}}}" if family.labels else ""
    buckets = ", one for each bucket" if family.type is MetricType.HISTOGRAM else ""
    says = family.says.replace("<", "&lt;").replace("|", "\\|")
    return f"| `{family.name}{labels}` | {family.type} | {says} | {family.bound}{buckets} |\n"


if __name__ == "__main__":
    sys.stdout.write(render_reference())
