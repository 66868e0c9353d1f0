"""Settings: flags, then environment, then defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from pinnedrelease.controller.settings import parse_settings


def test_without_anything_all_namespaces_are_watched() -> None:
    settings = parse_settings([], {})

    assert (settings.namespaces, settings.kubeconfig, settings.workers) == ((), None, 8)
    assert settings.limits.target_grace_s == 60.0


def test_namespaces_come_one_by_one_or_as_a_list() -> None:
    given = parse_settings(["-n", "a,b", "--namespace", "c"], {})

    assert given.namespaces == ("a", "b", "c")
    assert parse_settings([], {"PINREL_NAMESPACE": "a,b"}).namespaces == ("a", "b")


def test_a_namespace_counts_once_and_spaces_are_none_of_its_name() -> None:
    """' b' was listed in vain, and of ``a`` everything was watched twice."""
    assert parse_settings(["-n", "a, b,", "-n", "a"], {}).namespaces == ("a", "b")
    assert parse_settings([], {"PINREL_NAMESPACE": " a , b,a"}).namespaces == ("a", "b")
    assert parse_settings(["-n", " "], {}).namespaces == ()


@pytest.mark.parametrize("text", ["0", "10", "600"])
def test_a_resync_is_rare_or_does_not_take_place(text: str) -> None:
    assert parse_settings(["--resync", text], {}).resync_s == float(text)
    assert parse_settings([], {"PINREL_RESYNC": text}).resync_s == float(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PINREL_LOG_LEVEL", "verbose"),
        ("PINREL_LOG_FORMAT", "xml"),
        ("PINREL_RESYNC", "9"),
        ("PINREL_NAMESPACE", "a,B"),
    ],
)
def test_the_environment_is_judged_like_a_flag(
    name: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        parse_settings([], {name: text})

    assert raised.value.code == 2
    assert "pinrel controller: error" in capsys.readouterr().err


def test_a_flag_beats_the_environment() -> None:
    environment = {"PINREL_LOG_LEVEL": "debug", "PINREL_HEALTH_PORT": "8080"}

    settings = parse_settings(["--log-level", "error"], environment)

    assert (settings.log_level, settings.health_port) == ("error", 8080)


def test_the_first_file_of_kubeconfig_in_the_environment_is_used() -> None:
    assert parse_settings([], {"KUBECONFIG": "/a:/b:"}).kubeconfig == Path("/a:/b")
    assert parse_settings(["--kubeconfig", "/c"], {"KUBECONFIG": "/a"}).kubeconfig == Path("/c")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--workers", "0"],
        ["--log-level", "loud"],
        ["--nope"],
        ["--resync", "0.5"],
        ["--resync", "-1"],
        ["--resync", "nan"],
        ["--resync", "inf"],
        ["-n", "a,Shop"],
        ["-n", "shop/web"],
        ["-n", "-a"],
        ["-n", "a" * 64],
    ],
    ids=" ".join,
)
def test_a_wrong_flag_is_a_usage_error(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        parse_settings(wrong, {})

    assert raised.value.code == 2
    assert "pinrel controller: error" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("1", True), ("false", False)])
def test_a_switch_can_be_set_in_the_environment(text: str, expected: bool) -> None:  # noqa: FBT001
    settings = parse_settings([], {"PINREL_ADMISSION_HOLD": text})

    assert settings.limits.admission_hold is expected
    assert settings.limits.admission_stamp is False
