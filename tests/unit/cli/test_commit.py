"""What a change cause says of the repository: never a secret of its address."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pinnedrelease.cli.commit import CI_VARIABLES, current_commit


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("https://heroku:SECRET@host/app.git", "host/app"),
        ("https://SECRET@example.com/acme/web.git", "acme/web"),
        ("https://ana:SEC/RET@example.com/acme/web", "acme/web"),
        ("https://example.com/acme/web.git?token=SECRET", "acme/web"),
        ("ana:SECRET@host/web", "host/web"),
        ("git@example.com:acme/web.git", "acme/web"),
        ("ssh://git@example.com:22/acme/web.git/", "acme/web"),
    ],
)
def test_the_name_of_a_repository_holds_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remote: str, name: str
) -> None:
    for one, _ in CI_VARIABLES:
        monkeypatch.delenv(one, raising=False)
    who = ("-c", "user.name=ana", "-c", "user.email=ana@example.com")
    for words in (
        ("init", "-q"),
        (*who, "commit", "-q", "--allow-empty", "-m", "first"),
        ("remote", "add", "origin", remote),
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)

    found = current_commit()

    assert found is not None
    assert found.name == name
