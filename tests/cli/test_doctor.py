"""``pinrel doctor`` without any cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from controlplane.kubeconfig import write_kubeconfig
from pinrel import pinrel


@pytest.fixture
def silent(tmp_path: Path) -> str:
    """A kubeconfig of an address where nobody listens."""
    path = tmp_path / "kubeconfig"
    return str(write_kubeconfig(path, cluster={"server": "https://127.0.0.1:1"}, user="token"))


def test_a_cluster_that_does_not_answer_is_code_3_and_every_check_is_named(silent: str) -> None:
    said = pinrel("doctor", "--kubeconfig", silent)

    why = "Cannot connect to host 127.0.0.1:1"
    crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/pinnedreleases.pinnedrelease.dev"
    assert (said.code, said.err) == (3, "")
    assert [line.partition(why)[0] for line in said.out.splitlines()] == [
        "RESULT   CHECK         WHAT IS, AND WHAT TO DO",
        "SKIP     api-server    not checked: GET /version: no answer from the API server: ",
        f"SKIP     crd           not checked: GET {crd}: no answer from the API server: ",
        "SKIP     releases      not checked: the requests before had no usable answer",
        "SKIP     operator      not checked: the requests before had no usable answer",
        "SKIP     your-rights   not checked: the requests before had no usable answer",
        "SKIP     admission     not checked: the requests before had no usable answer",
    ]


def test_programs_get_json_of_a_cluster_that_does_not_answer(silent: str) -> None:
    said = pinrel("doctor", "--kubeconfig", silent, "-A", "-o", "json")

    assert said.code == 3
    assert json.loads(said.out)[-1] == {
        "check": "admission",
        "result": "SKIP",
        "message": "not checked: the requests before had no usable answer",
        "fix": None,
    }


def test_without_a_cluster_to_ask_there_is_nothing_to_look_at() -> None:
    said = pinrel("doctor", "--kubeconfig", "/nowhere/x")

    assert (said.code, said.out) == (3, "")
    assert "no cluster to talk to" in said.err


def test_wrong_usage_is_code_2() -> None:
    said = pinrel("doctor", "-o", "table")

    assert (said.code, said.out) == (2, "")
    assert "invalid choice: 'table'" in said.err
