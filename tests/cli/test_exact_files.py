"""Files of people: to the byte, all or none, and none that is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.test_image_files import CAPTURE, COMPOSE, PINNED
from objects import DIGEST_A
from pinnedrelease.cli.text_files import write_text
from pinrel import Said, pinrel

ODD = "\ufeff# \u200d\x85\r\nservices:\r\n  web:\r\n    image: ghcr.io/acme/web:1.0\r\n"
LOCK = "services:\n  web:\n    image: old:1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "capture.json").write_text(json.dumps(CAPTURE))
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    return tmp_path


def pin(folder: Path, *arguments: str) -> Said:
    return pinrel("compose", "pin", *arguments, "--from", "capture.json", folder=folder)


def process(
    folder: Path, *arguments: str, stdin: bytes = b"", stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "pinnedrelease", *arguments],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        timeout=60,
    )


def test_a_pipe_gets_every_byte_of_the_file(folder: Path) -> None:
    done = process(
        folder, "compose", "pin", "-", "--from", "capture.json", stdin=ODD.encode("utf-8")
    )

    pinned = ODD.replace("web:1.0", f"web:1.1@{DIGEST_A}")
    assert (done.returncode, done.stdout.decode("utf-8")) == (0, pinned)


def test_line_ends_of_windows_are_no_strange_signs_in_a_diff(folder: Path) -> None:
    (folder / "compose.yaml").write_bytes(COMPOSE.replace("\n", "\r\n").encode())

    said = pin(folder, "compose.yaml")

    assert "\N{REPLACEMENT CHARACTER}" not in said.out
    assert (folder / "compose.yaml").read_bytes() == PINNED.replace("\n", "\r\n").encode()


def test_a_reader_who_goes_away_does_not_stop_the_work_half_way(folder: Path) -> None:
    long = COMPOSE + "".join(f"  w{n}: {{image: 'ghcr.io/acme/web:1.0'}}\n" for n in range(200))
    names = [f"{number}.yaml" for number in range(4)]
    for name in names:
        (folder / name).write_text(long)
    reading, writing = os.pipe()
    os.close(reading)

    done = process(folder, "compose", "pin", *names, "--from", "capture.json", stdout=writing)
    os.close(writing)

    assert (done.returncode, done.stderr) == (141, b"")
    assert ["web:1.0" in (folder / name).read_text() for name in names] == [False] * 4


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  web: {image: a, ports: ['80:80']}\n",
        "services: {}\nvolumes: {}\n",
        "# ours\n" + LOCK,
        "a note\n",
        "services: {db: {image: !reset null}}\n",
    ],
)
def test_an_override_takes_the_place_of_no_other_file(folder: Path, text: str) -> None:
    (folder / "out.yaml").write_text(text)

    said = pin(folder, "compose.yaml", "--override", "out.yaml")

    assert (said.code, said.out) == (2, "")
    assert "out.yaml is there already, and holds more than images of services" in said.err
    assert (folder / "out.yaml").read_text() == text


@pytest.mark.parametrize("text", [LOCK, ""])
def test_an_override_of_before_is_renewed(folder: Path, text: str) -> None:
    (folder / "out.yaml").write_text(text)

    assert pin(folder, "compose.yaml", "--override", "out.yaml").code == 0
    assert DIGEST_A in (folder / "out.yaml").read_text()


def test_an_override_keeps_the_services_of_before(folder: Path) -> None:
    """One made for all services was left with the one of ``--service``."""
    (folder / "out.yaml").write_text("services:\n  db: {image: 'redis:7'}\n")

    said = pin(folder, "compose.yaml", "--override", "out.yaml")
    again = pin(folder, "compose.yaml", "--override", "out.yaml", "--service", "web")

    assert (said.code, again.code) == (0, 0)
    assert "note: out.yaml keeps what it had for db\n" in said.err
    assert "note: out.yaml keeps what it had for db, proxy\n" in again.err
    image = f'"ghcr.io/acme/web:1.1@{DIGEST_A}"'
    text = (folder / "out.yaml").read_text().replace('"', "")
    assert text == (
        f"services:\n  db:\n    image: redis:7\n  web:\n    image: {image}\n"
        f"  proxy:\n    image: {image}\n"
    ).replace('"', "")


def test_an_override_is_never_the_file_itself(folder: Path) -> None:
    (folder / "compose.yaml").write_text("services: {web: {image: 'ghcr.io/acme/web:1.0'}}\n")
    (folder / "link.yaml").symlink_to("compose.yaml")

    said = pin(folder, "compose.yaml", "--override", "link.yaml")

    assert (said.code, said.out) == (2, "")
    assert "is FILE itself" in said.err
    assert DIGEST_A not in (folder / "compose.yaml").read_text()


def test_a_named_pipe_is_written_into_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    write_text(pipe, "text")

    assert os.read(reading, 100) == b"text"
    os.close(reading)
    assert pipe.is_fifo()


def test_standard_output_by_its_path_stays_what_it_was(tmp_path: Path) -> None:
    target = tmp_path / "crd.yaml"
    with target.open("wb") as out:
        done = process(tmp_path, "crd", "--output", "/dev/stdout", stdout=out.fileno())
        os.write(out.fileno(), b"# the end\n")

    assert done.returncode == 0
    text = target.read_text()
    assert text.startswith("# Generated")
    assert text.endswith("# the end\n")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_the_owner_of_a_file_stays_its_owner(tmp_path: Path) -> None:
    target = tmp_path / "web.yaml"
    target.write_text("old")
    target.chmod(0o640)
    os.chown(target, 1234, 2345)

    write_text(target, "new")

    found = target.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (1234, 2345, 0o640)


def test_links_in_a_circle_are_told(folder: Path) -> None:
    (folder / "a.yaml").symlink_to("b.yaml")
    (folder / "b.yaml").symlink_to("a.yaml")
    image = f"ghcr.io/acme/web:1.0@{DIGEST_A}"

    said = pinrel("capture", image, "--no-registry", "-f", "a.yaml", folder=folder)

    assert said.code == 2
    assert "a.yaml cannot be written" in said.err


def test_a_dry_run_claims_no_deed(folder: Path) -> None:
    said = pin(folder, "compose.yaml", "--override", "out.yaml", "--dry-run")

    assert said.out.startswith("out.yaml would pin web, proxy; ")
    assert not (folder / "out.yaml").exists()
