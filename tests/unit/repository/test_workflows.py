"""Workflows of GitHub Actions: what can be judged without running them there."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from markdown_files import ROOT

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.y*ml"))
each = pytest.mark.parametrize("path", WORKFLOWS, ids=[path.name for path in WORKFLOWS])

# Source: GitHub documentation, "Workflow syntax for GitHub Actions".
TOP = {"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
JOB = {
    "name", "permissions", "needs", "if", "runs-on", "environment", "concurrency", "outputs",
    "env", "defaults", "steps", "timeout-minutes", "strategy", "continue-on-error", "container",
    "services", "uses", "with", "secrets",
}  # fmt: skip
STEP = {
    "id", "if", "name", "uses", "run", "shell", "with", "env", "continue-on-error",
    "timeout-minutes", "working-directory",
}  # fmt: skip
RIGHTS = {
    ("ci", "test"): {"contents": "read"},
    ("release", "test"): {"contents": "read"},
    ("release", "notes"): {"contents": "read"},
    ("release", "image"): {
        "contents": "read", "packages": "write", "id-token": "write", "attestations": "write",
    },
    ("release", "files"): {"contents": "read", "id-token": "write", "attestations": "write"},
    ("release", "publish"): {"contents": "write"},
}  # fmt: skip
"""What each job may do: a change here is a change of what a stolen dependency may do."""

ACTION = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
USES_LINE = re.compile(r"^\s*(?:- )?uses: (?P<uses>\S+)(?P<comment>.*)$", re.MULTILINE)
NEEDS_OUTPUT = re.compile(r"needs\.(?P<job>[\w-]+)\.outputs\.(?P<output>[\w-]+)")
STEP_OUTPUT = re.compile(r"steps\.(?P<step>[\w-]+)\.outputs\.(?P<output>[\w-]+)")


def workflow(path: Path) -> dict[str, Any]:
    """A workflow; YAML reads the key ``on`` as a truth value."""
    document: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in document.items()}


def steps(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for job in document["jobs"].values():
        yield from job.get("steps", [])


@each
def test_every_key_is_one_that_github_knows(path: Path) -> None:
    document = workflow(path)

    assert set(document) <= TOP
    assert {"name", "on", "permissions", "jobs"} <= set(document)
    for job in document["jobs"].values():
        assert set(job) <= JOB
        assert ("uses" in job) != ("steps" in job)
        assert "uses" in job or {"runs-on", "timeout-minutes"} <= set(job)
    for step in steps(document):
        assert set(step) <= STEP
        assert ("uses" in step) != ("run" in step)


@each
def test_nothing_is_allowed_that_is_not_listed_here(path: Path) -> None:
    document = workflow(path)

    assert document["permissions"] == {}
    for name, job in document["jobs"].items():
        assert job["permissions"] == RIGHTS[path.stem, name]


@each
def test_every_action_is_pinned_by_commit_with_its_version_beside(path: Path) -> None:
    for found in USES_LINE.finditer(path.read_text()):
        if found["uses"].startswith("./"):
            assert (ROOT / found["uses"]).is_file()
        else:
            assert ACTION.fullmatch(found["uses"]), found[0]
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", found["comment"]), found[0]


def test_one_action_has_one_version_everywhere() -> None:
    text = "".join(path.read_text() for path in WORKFLOWS)
    pinned = {found["uses"] + found["comment"] for found in USES_LINE.finditer(text)}
    names = [one.partition("@")[0] for one in pinned]

    assert len(names) == len(set(names))


@each
def test_no_checkout_leaves_a_token_behind(path: Path) -> None:
    for step in steps(workflow(path)):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@each
def test_jobs_and_outputs_that_are_referred_to_exist(path: Path) -> None:
    jobs = workflow(path)["jobs"]
    for name, job in jobs.items():
        needs = job.get("needs", [])
        assert isinstance(needs, list)
        assert set(needs) <= set(jobs) - {name}
        for found in NEEDS_OUTPUT.finditer(json.dumps(job)):
            assert found["job"] in needs
            assert found["output"] in jobs[found["job"]]["outputs"]
        written = {
            (step.get("id"), output)
            for step in job.get("steps", [])
            for output in re.findall(r'echo "([\w-]+)=', step.get("run", ""))
        }
        for found in STEP_OUTPUT.finditer(json.dumps(job)):
            assert (found["step"], found["output"]) in written


@each
def test_scripts_take_no_expression_and_are_valid_shell(path: Path) -> None:
    """What a title or a branch is called must never become a part of a script."""
    for step in steps(workflow(path)):
        if "run" in step:
            assert "${{" not in step["run"]
            said = subprocess.run(
                ["bash", "-n"], input=step["run"], capture_output=True, text=True, check=False
            )
            assert said.stderr == ""


@each
def test_scripts_and_make_targets_that_are_run_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for step in steps(workflow(path)):
        text = step.get("run", "")
        assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
        for script in re.findall(r"^(?:\./)?((?:\.ci|release)/[\w-]+)", text, re.MULTILINE):
            assert (ROOT / script).stat().st_mode & 0o111, script


def test_a_release_is_tested_before_anything_is_pushed() -> None:
    jobs = workflow(FOLDER / "release.yml")["jobs"]

    def before(name: str) -> set[str]:
        needs = jobs[name].get("needs", [])
        return set(needs).union(*map(before, needs))

    writers = {name for name, job in jobs.items() if "write" in job["permissions"].values()}
    assert writers == {"image", "files", "publish"}
    assert all({"test", "notes"} <= before(name) for name in writers)
    assert jobs["test"]["uses"] == "./.github/workflows/ci.yml"
    ci = workflow(FOLDER / "ci.yml")
    assert "workflow_call" in ci["on"]
    assert ".ci/run" in [step.get("run") for step in steps(ci)]


def test_who_may_publish_runs_no_code_of_the_repository() -> None:
    publish = workflow(FOLDER / "release.yml")["jobs"]["publish"]["steps"]

    assert not any(step.get("uses", "").startswith("actions/checkout@") for step in publish)
