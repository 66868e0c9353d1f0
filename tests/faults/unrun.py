"""Rows of the study's matrix that other tests play, or that cannot be played here."""

from __future__ import annotations

ELSEWHERE = {
    "A-15": "tests/unit/controller/test_watchdog.py",
    "W-14": "tests/unit/controller/test_watchdog.py",
    "K-01": "tests/faults/test_killed_at_each_write.py",
    "K-02": "tests/faults/test_killed_at_each_write.py",
    "I-06": "tests/property/test_reference_laws.py",
    "I-07": "tests/unit/cli/test_yaml_edit.py",
    "I-08": "tests/unit/core/test_reference.py",
    "I-11": "tests/cli/test_capture.py",
    "D-02": "tests/integration/test_pods.py",
    "D-03": "tests/unit/core/test_proof.py",
    "D-04": "tests/integration/test_pods.py",
    "D-07": "tests/integration/test_rollouts.py",
    "D-08": "tests/integration/test_rollouts.py",
    "L-05": "tests/unit/controller/test_election.py",
    "L-09": "tests/property/test_month.py",
    "S-14": "tests/integration/test_admission_rules.py",
    "S-15": "tests/rights.py",
    "S-16": "tests/rights.py",
    "S-19": "tests/integration/test_image.py",
}
"""Row -> the file that plays it; a test checks that it is there."""

UNRUN = {
    "D-05": "a pod that ran something else for a moment may be missed: that is not promised",
    "L-06": "10,000 objects: benchmarks (issue 10)",
    "L-08": "a day: make soak, of which CI runs two minutes",
    "L-10": "there is no older release yet",
    "L-11": "there is no older release yet",
    "L-12": "there is no older release yet",
}
"""Row -> why nothing plays it on these machines."""
