"""Breaks writer, history and lease in fifteen ways, one at a time, and tells which test notices.

``python -m model.seeded_mutants`` (``make mutants``). Fails when a mutant survives.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ("tests/unit", "tests/property", "tests/model", "--ignore=tests/unit/architecture")
UNCHANGED = "nothing is changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One text in one file, and what stands in its place."""

    name: str
    file: str
    text: str
    instead: str


MUTANTS = (
    Mutant(
        name="writer: the workload write has no resourceVersion",
        file="cluster/patches.py",
        text='            "resourceVersion": action.resource_version,\n',
        instead="",
    ),
    Mutant(
        name="writer: the workload write has no uid",
        file="cluster/patches.py",
        text='            "uid": action.uid,\n',
        instead="",
    ),
    Mutant(
        name="writer: the status write has no resourceVersion",
        file="cluster/patches.py",
        text='{"metadata": {"resourceVersion": resource_version}, "status"',
        instead='{"status"',
    ),
    Mutant(
        name="writer: does not ask whether it leads",
        file="cluster/writer.py",
        text="        if not self._is_leading():",
        instead="        if False:",
    ),
    Mutant(
        name="history: an intent that is there is recorded again",
        file="core/history.py",
        text="if head is not None and head.pin == pin:",
        instead="if head is not None and head.pin == pin and False:",
    ),
    Mutant(
        name="history: the pair that is replaced is forgotten",
        file="core/history.py",
        text="return (closed, *self.revisions[1:])",
        instead="return (*self.revisions[1:],)",
    ),
    Mutant(
        name="history: numbers are used again",
        file="core/history.py",
        text="max([last_number, *(revision.number for revision in self.revisions)]) + 1",
        instead="len(self.revisions[:2]) + 1",
    ),
    Mutant(
        name="history: the limit may drop the pair before",
        file="core/history.py",
        text="LEAST_KEPT = 2",
        instead="LEAST_KEPT = 1",
    ),
    Mutant(
        name="history: a superseded interval stays open",
        file="core/history.py",
        text="supersede_time=closed_at",
        instead="supersede_time=None",
    ),
    Mutant(
        name="history: what was never written is said to have been replaced",
        file="core/history.py",
        text="never = RevisionResult.NOT_APPLIED",
        instead="never = RevisionResult.SUPERSEDED",
    ),
    Mutant(
        name="history: what was written before a crash is said not to have been",
        file="core/history.py",
        text="is not RevisionResult.PLANNED or revision.number not in reached:",
        instead="is not RevisionResult.PLANNED or reached is not None:",
    ),
    Mutant(
        name="lease: the holder goes on longer than others wait",
        file="core/lease.py",
        text="RENEW_DEADLINE_S = 10.0",
        instead="RENEW_DEADLINE_S = 40.0",
    ),
    Mutant(
        name="lease: written whatever Lease it is by now",
        file="cluster/leases.py",
        text='            metadata["uid"] = before.uid\n',
        instead="            pass\n",
    ),
    Mutant(
        name="lease: taken without waiting",
        file="core/lease.py",
        text="return now_s - seen.since_s > duration_s",
        instead="return now_s - seen.since_s >= 0.0",
    ),
    Mutant(
        name="lease: every look starts the clock anew",
        file="core/lease.py",
        text="if before is not None and before.lease.resource_version == lease.resource_version:",
        instead="if before is not None and before.lease is lease and False:",
    ),
)


def main() -> int:
    """0: every mutant was noticed."""
    clean = run(Mutant(name=UNCHANGED, file="core/lease.py", text="RETRY_S = 2.0",
                       instead="RETRY_S = 2.0"))  # fmt: skip
    if clean is not None:
        sys.stdout.write(f"fails without a mutant: {clean}\n")
        return 1
    survivors = 0
    for mutant in MUTANTS:
        noticed_by = run(mutant)
        survivors += noticed_by is None
        sys.stdout.write(f"{mutant.name:<62} {noticed_by or 'SURVIVES'}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(MUTANTS) - survivors} of {len(MUTANTS)} mutants noticed\n")
    return int(survivors > 0)


def run(mutant: Mutant) -> str | None:
    """The first test that fails; None when all pass."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        source = Path(folder) / "operator"
        shutil.copytree(ROOT / "operator" / "pinnedrelease", source / "pinnedrelease")
        path = source / "pinnedrelease" / mutant.file
        text = path.read_text()
        assert text.count(mutant.text) == 1, f"{mutant.name}: not found once in {mutant.file}"
        path.write_text(text.replace(mutant.text, mutant.instead))
        said = subprocess.run(
            [sys.executable, "-m", "pytest", *TESTS, "-x", "-q", "-n", "2",
             "-p", "no:cacheprovider", "-o", f"pythonpath={source} tests ."],
            cwd=ROOT, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": f"{source}:tests:.", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    failed = re.search(r"^FAILED (\S+)", said.stdout, re.MULTILINE)
    return failed[1] if failed else None


if __name__ == "__main__":
    sys.exit(main())
