"""``pinrel capture`` from files and references, without a registry and without a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from objects import DIGEST_A, DIGEST_B, REPOSITORY
from pinrel import Said, pinrel

METADATA = {
    "containerimage.config.digest": DIGEST_B,
    "containerimage.digest": DIGEST_A,
    "image.name": f"{REPOSITORY}:1.4.2",
}
WITHOUT_COMMIT = {"GITHUB_SHA": "", "CI_COMMIT_SHA": "", "GIT_COMMIT": "", "GIT_DIR": "/nowhere"}
"""No Git commit is known then, wherever the tests run."""
ENVIRONMENT = f"""\
repository={REPOSITORY}
tag=1.4.2
digest={DIGEST_A}
reference={REPOSITORY}:1.4.2@{DIGEST_A}
"""
RELEASE = f"""\
# the web shop
apiVersion: pinnedrelease.dev/v1alpha1
kind: PinnedRelease
metadata:
  name: web   # as the Deployment
spec:
  repository: {REPOSITORY}
  tag: "1.4.1"   # what people say
  digest: {DIGEST_B}
  changeCause: "the pair before"
  targetRef:
    name: web
"""


def capture(*arguments: str | Path, folder: Path | None = None, **variables: str) -> Said:
    texts = [str(one) for one in arguments]
    environment = {**WITHOUT_COMMIT, **variables}
    return pinrel("capture", *texts, "--no-registry", folder=folder, environment=environment)


@pytest.fixture
def metadata(tmp_path: Path) -> Path:
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(METADATA))
    return path


@pytest.fixture
def release(tmp_path: Path) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(RELEASE)
    return path


def test_a_build_becomes_a_pinned_release(metadata: Path) -> None:
    said = capture("--metadata-file", metadata)

    assert said == Said(
        code=0,
        out=f"""\
apiVersion: pinnedrelease.dev/v1alpha1
kind: PinnedRelease
metadata:
  name: web
spec:
  repository: {REPOSITORY}
  tag: "1.4.2"
  digest: {DIGEST_A}
  targetRef:
    name: web
""",
        err="",
    )


def test_name_workload_and_cause_can_be_chosen(metadata: Path) -> None:
    flags = ("--name", "shop", "--workload", "sts/shop-db", "--change-cause", 'says "go"')

    said = capture("--metadata-file", metadata, *flags)

    document = yaml.safe_load(said.out)
    assert document["metadata"] == {"name": "shop"}
    assert document["spec"]["targetRef"] == {"kind": "StatefulSet", "name": "shop-db"}
    assert document["spec"]["changeCause"] == 'says "go"'


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("reference", f"{REPOSITORY}:1.4.2@{DIGEST_A}\n"),
        ("digest", f"{DIGEST_A}\n"),
        ("env", ENVIRONMENT),
    ],
)
def test_scripts_get_lines_of_their_own(metadata: Path, output: str, expected: str) -> None:
    assert capture("--metadata-file", metadata, "-o", output) == Said(code=0, out=expected, err="")


def test_json_is_the_same_object(metadata: Path) -> None:
    as_json = capture("--metadata-file", metadata, "-o", "json").out
    as_yaml = capture("--metadata-file", metadata).out

    assert json.loads(as_json) == yaml.safe_load(as_yaml)


def test_the_capture_file_says_what_and_whence(metadata: Path, tmp_path: Path) -> None:
    target = tmp_path / "capture.json"

    said = capture(
        "--metadata-file", metadata, "--capture-file", target,
        GITHUB_SHA="9d1c2e4f" * 5, GITHUB_REPOSITORY="acme/web",
    )  # fmt: skip

    assert said.out == f"{target} holds {REPOSITORY}:1.4.2@{DIGEST_A}\n"
    written = json.loads(target.read_text())
    assert written.pop("time").endswith("Z")
    assert written == {
        "apiVersion": "pinnedrelease.dev/v1alpha1",
        "kind": "ImageCapture",
        "repository": REPOSITORY,
        "tag": "1.4.2",
        "digest": DIGEST_A,
        "source": "metadata file metadata.json",
        "commit": "9d1c2e4f" * 5,
        "name": "acme/web",
    }


def test_a_file_is_edited_in_place_with_its_comments_and_a_cause_of_its_own(
    metadata: Path, release: Path
) -> None:
    said = capture("--metadata-file", metadata, "-f", release, "--commit", "9d1c2e4" * 3)

    assert said.code == 0
    assert release.read_text() == RELEASE.replace("1.4.1", "1.4.2").replace(
        DIGEST_B, DIGEST_A
    ).replace("the pair before", "team/web@9d1c2e49d1c2")
    assert f"\n-  digest: {DIGEST_B}\n" in said.out
    assert f"\n+  digest: {DIGEST_A}\n" in said.out
    assert said.out.endswith(f"{release} declares 1.4.2 (sha256:aaaaaaaaaaaa)\n")


def test_a_cause_that_is_not_known_is_taken_out_and_never_inherited(
    metadata: Path, release: Path
) -> None:
    capture("--metadata-file", metadata, "-f", release)

    assert "changeCause" not in release.read_text()


def test_a_new_file_is_made(metadata: Path, tmp_path: Path) -> None:
    target = tmp_path / "new.yaml"

    said = capture("--metadata-file", metadata, "-f", target)

    assert said.code == 0
    assert target.read_text() == capture("--metadata-file", metadata).out


def test_with_a_format_only_the_pair_is_printed(metadata: Path, release: Path) -> None:
    said = capture("--metadata-file", metadata, "-f", release, "-o", "digest")

    assert said.out == f"{DIGEST_A}\n"
    assert DIGEST_A in release.read_text()


def test_a_dry_run_writes_no_file(metadata: Path, release: Path, tmp_path: Path) -> None:
    capture_file = tmp_path / "capture.json"

    said = capture(
        "--metadata-file", metadata, "-f", release, "--capture-file", capture_file, "--dry-run"
    )

    assert said.code == 0
    assert f"{release} would declare 1.4.2" in said.out
    assert release.read_text() == RELEASE
    assert not capture_file.exists()


@pytest.mark.parametrize(
    ("flag", "content"),
    [
        ("--digest-file", DIGEST_A),
        ("--digest-file", f"{DIGEST_A}\n"),
        (
            "--push-output",
            f"The push refers to repository [{REPOSITORY}]\n1.4.2: digest: {DIGEST_A} size: 528\n",
        ),
    ],
)
def test_other_builders_leave_files_too(tmp_path: Path, flag: str, content: str) -> None:
    path = tmp_path / "from-builder"
    path.write_text(content)

    said = capture(f"{REPOSITORY}:1.4.2", flag, path, "-o", "reference")

    assert said.out == f"{REPOSITORY}:1.4.2@{DIGEST_A}\n"


def test_a_pipe_from_docker_push_is_read() -> None:
    said = pinrel(
        "capture", f"{REPOSITORY}:1.4.2", "--push-output", "-", "--no-registry", "-o", "digest",
        stdin=f"1.4.1: digest: {DIGEST_B} size: 1\n1.4.2: digest: {DIGEST_A} size: 528\n",
    )  # fmt: skip

    assert said.out == f"{DIGEST_A}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        (f"{REPOSITORY}:1.4.2@{DIGEST_A}",),
        (f"{REPOSITORY}@{DIGEST_A}", "--tag", "1.4.2"),
        (f"{REPOSITORY}:1.4.2", "--digest", DIGEST_A),
    ],
)
def test_a_full_reference_is_a_pair(arguments: tuple[str, ...]) -> None:
    assert capture(*arguments, "-o", "reference").out == f"{REPOSITORY}:1.4.2@{DIGEST_A}\n"


def test_a_bake_file_has_targets(tmp_path: Path) -> None:
    path = tmp_path / "bake.json"
    path.write_text(json.dumps({"web": METADATA, "job": {**METADATA, "image.name": "job:1"}}))

    assert capture("--metadata-file", path, "--target", "web", "-o", "digest").code == 0
    said = capture("--metadata-file", path)
    assert (said.code, said.err) == (
        2,
        f"error: {path} has several targets (web, job); choose with --target\n",
    )
    near = capture("--metadata-file", path, "--target", "wep")
    assert "has no target wep; did you mean web?" in near.err


def test_a_build_with_several_names_wants_one_chosen(tmp_path: Path) -> None:
    path = tmp_path / "metadata.json"
    names = f"{REPOSITORY}:1.4.2,{REPOSITORY}:latest"
    path.write_text(json.dumps({**METADATA, "image.name": names}))

    said = capture("--metadata-file", path)
    chosen = capture("--metadata-file", path, "--tag", "latest", "-o", "reference")

    assert said.code == 2
    assert "names several images" in said.err
    assert chosen.out == f"{REPOSITORY}:latest@{DIGEST_A}\n"


def test_docker_hub_names_keep_their_short_spelling() -> None:
    said = capture(f"nginx:1.29@{DIGEST_A}", "-o", "env")

    assert said.out.startswith("repository=nginx\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "name the image: REPOSITORY:TAG"),
        (("UPPER:1",), 2, "'UPPER:1' is no image reference; write REPOSITORY:TAG"),
        ((f"{REPOSITORY}@{DIGEST_A}",), 2, f"write it as {REPOSITORY}:TAG"),
        ((f"{REPOSITORY}:1",), 2, "only the registry knows what"),
        ((f"{REPOSITORY}:1", "--digest", "sha256:abc"), 2, "--digest: "),
        ((f"{REPOSITORY}:1", "--tag", "a b", "--digest", DIGEST_A), 2, "is not an image tag"),
        ((f"{REPOSITORY}:1@{DIGEST_A}", "--digest", DIGEST_B), 1, "names another digest than"),
        ((f"{REPOSITORY}:1", "--digest-file", "none"), 2, "none cannot be read: No such file"),
        (("--metadata-file", "none"), 2, "none cannot be read: No such file"),
        ((f"{REPOSITORY}:1@{DIGEST_A}", "-f", "-"), 2, "for a pipe use -o yaml"),
        (("deploy/web",), 3, "no cluster to talk to"),
        ((f"{REPOSITORY}:1@{DIGEST_A}", "--workload", "pod/x"), 2, "names no workload"),
        (("--digest", DIGEST_A, "--digest-file", "x"), 2, "not allowed with argument"),
    ],
)
def test_wrong_input_is_told_with_the_next_step(
    arguments: tuple[str, ...], code: int, message: str
) -> None:
    said = capture(*arguments)

    assert (said.code, said.out) == (code, "")
    assert message in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("not json", 2, "is not JSON"),
        ("[]", 2, "is not a metadata file"),
        ("{}", 1, "the build has pushed nothing; build with --push"),
        (json.dumps({"containerimage.digest": "sha256:x", "image.name": "a:1"}), 2, "sha256:x"),
        (json.dumps({"containerimage.digest": DIGEST_A}), 2, "does not name the image"),
        ("[" * 100_000, 2, "is not JSON"),
    ],
)
def test_metadata_that_cannot_be_used_is_told(
    metadata: Path, content: str, code: int, message: str
) -> None:
    metadata.write_text(content)

    said = capture("--metadata-file", metadata)

    assert (said.code, said.out) == (code, "")
    assert message in said.err


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (RELEASE.replace(REPOSITORY, "ghcr.io/other/web"), 1, "change spec.repository first"),
        (
            RELEASE + f"  rejectedDigests: [{{digest: '{DIGEST_A}', reason: eats orders}}]\n",
            1,
            "is in spec.rejectedDigests: eats orders",
        ),
        (RELEASE + "---\n" + RELEASE.replace("name: web ", "name: web2 "), 2, "--name web, web2"),
        (RELEASE + "---\n" + RELEASE, 2, "several"),
        ("kind: Deployment\n", 2, "has no PinnedRelease"),
        ("a: [\n", 2, "is not valid YAML: line 2, column 1"),
        (RELEASE.replace(DIGEST_B, "sha256:abc"), 2, "spec.digest: "),
        (RELEASE.replace(f"  digest: {DIGEST_B}\n", f"  digest: {DIGEST_B}\n  tag: x\n"), 2,
         "the key 'tag' stands twice"),
        ("a: &a [x]\n" + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n"
            for n in range(9)
        ), 2, "aliases make this file too large"),
        ("a: &a [*a]\n", 2, "an alias"),
        ("\udcff", 2, "is not UTF-8"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_edited_is_left_alone(
    metadata: Path, release: Path, content: str, code: int, message: str
) -> None:
    raw = content.encode("utf-8", "surrogateescape")
    release.write_bytes(raw)

    said = capture("--metadata-file", metadata, "-f", release)

    assert (said.code, said.out) == (code, "")
    assert message in said.err
    assert release.read_bytes() == raw


def test_a_json_file_stays_json(metadata: Path, release: Path) -> None:
    """The cause of the commit came in without quotes around its name: the default in CI."""
    document = yaml.safe_load(RELEASE)
    del document["spec"]["changeCause"]
    path = release.with_suffix(".json")
    path.write_text(json.dumps(document, indent=2))

    said = capture("--metadata-file", metadata, "-f", path, GITHUB_SHA="9d1c2e4f" * 5)

    assert said.code == 0, said.err
    spec = json.loads(path.read_text())["spec"]
    assert spec["digest"] == DIGEST_A
    assert spec["changeCause"].endswith("@9d1c2e4f9d1c")


@pytest.mark.parametrize(
    "text",
    [
        RELEASE.replace('"the pair before"', "*why").replace(
            "  name: web   # as", '  annotations: {note: &why "INC-1"}\n  name: web   # as'
        ),
        RELEASE.replace('"the pair before"', '&why "INC-1"') + "  containers: [*why]\n",
        RELEASE + "---\n" + RELEASE.replace("name: web ", "name: other ")
        .replace("changeCause: ", "changeCause: &why ") + "---\nkind: X\nspec: {a: *why}\n",
    ],
    ids=["alias", "anchor", "of another document"],
)  # fmt: skip
@pytest.mark.parametrize("cause", [None, "INC-2"])
def test_a_cause_that_shares_its_text_is_left_to_a_person(
    metadata: Path, release: Path, text: str, cause: str | None
) -> None:
    """The text between anchor and alias was doubled, or the anchor lost, with exit code 0."""
    release.write_text(text)
    arguments = ("--change-cause", cause) if cause else ()

    said = capture("--metadata-file", metadata, "-f", release, "--name", "web", *arguments)

    if said.code == 0:
        edited = list(yaml.safe_load_all(release.read_text()))
        assert edited[0]["spec"]["digest"] == DIGEST_A
        assert edited[0]["spec"].get("changeCause") == cause
    else:
        assert (said.code, release.read_text()) == (2, text)


def test_a_merge_key_does_not_change_another_release(metadata: Path, release: Path) -> None:
    item = "- apiVersion: pinnedrelease.dev/v1alpha1\n  kind: PinnedRelease\n"
    text = (
        "kind: List\napiVersion: v1\nitems:\n"
        f"{item}  metadata: {{name: web}}\n  spec: &shared\n    repository: {REPOSITORY}\n"
        f"    tag: '1.4.1'\n    digest: {DIGEST_B}\n    targetRef: {{name: web}}\n"
        f"{item}  metadata: {{name: other}}\n"
        "  spec:\n    <<: *shared\n    targetRef: {name: other}\n"
    )
    release.write_text(text)

    said = capture("--metadata-file", metadata, "-f", release, "--name", "other")

    assert (said.code, release.read_text()) == (2, text)
    assert "edit it by hand" in said.err


def test_a_cause_is_carried_by_the_capture_file(
    metadata: Path, release: Path, tmp_path: Path
) -> None:
    """It was lost there without a word, and promote took the old cause away."""
    held = tmp_path / "capture.json"
    said = capture(
        "--metadata-file", metadata, "--change-cause", "INC-7: \U0001f680", "--capture-file", held
    )
    assert said.code == 0, said.err

    promoted = pinrel("promote", str(held), str(release), "--no-registry")

    assert promoted.code == 0, promoted.err
    assert yaml.safe_load(release.read_text())["spec"]["changeCause"] == "INC-7: \U0001f680"


def test_json_with_signs_beyond_the_first_plane_can_be_read_again(
    metadata: Path, release: Path, tmp_path: Path
) -> None:
    said = capture("--metadata-file", metadata, "--change-cause", "\U0001f680", "-o", "json")
    (tmp_path / "from.json").write_text(said.out)

    promoted = pinrel("promote", str(tmp_path / "from.json"), str(release), "--no-registry")

    assert promoted.code == 0, promoted.err


def test_a_cause_that_is_too_long_is_refused_before_anything_is_written(
    metadata: Path, release: Path
) -> None:
    said = capture("--metadata-file", metadata, "-f", release, "--change-cause", "x" * 1025)

    assert (said.code, release.read_text()) == (2, RELEASE)
    assert "1024 characters" in said.err


def test_a_date_that_is_none_is_no_matter(metadata: Path, release: Path) -> None:
    release.write_text(RELEASE + "---\nkind: Calendar\nday: 2026-13-45\n")

    assert capture("--metadata-file", metadata, "-f", release).code == 0


def test_control_characters_do_not_reach_the_terminal(metadata: Path) -> None:
    said = capture("--metadata-file", metadata, "--name", "a\x1b[31mb")

    assert "\x1b" not in said.out


@pytest.mark.parametrize(
    "flags",
    [("--name", "Foo: Bar"), ("--name", "web", "--namespace", "a.b"), ("--workload", "deploy/Web")],
)
def test_what_cannot_be_a_name_is_refused(flags: tuple[str, ...]) -> None:
    said = capture(f"ghcr.io/acme/web:1.0@{DIGEST_A}", "--no-registry", *flags)

    assert (said.code, said.out) == (2, "")
    assert "cannot be the name of a" in said.err


def test_a_name_of_digits_stays_a_text() -> None:
    flags = ("--no-registry", "--name", "12", "--namespace", "1e3")

    said = capture(f"ghcr.io/acme/web:1.0@{DIGEST_A}", *flags)

    metadata = yaml.safe_load(said.out)["metadata"]
    assert metadata == {"name": "12", "namespace": "1e3"}
    assert 'namespace: "1e3"' in said.out
    assert 'targetRef:\n    name: "12"' in said.out
