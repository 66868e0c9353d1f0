"""``pinrel capture``: a tag is resolved once, here, and never again."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pinnedrelease.api.capture import Capture, capture_to_json
from pinnedrelease.api.fields import CAUSE_LIMIT
from pinnedrelease.cli.captured import Captured, capture_image, capture_workload, target_of
from pinnedrelease.cli.commit import current_commit
from pinnedrelease.cli.connection import add_cluster_arguments, run_async
from pinnedrelease.cli.errors import CommandError, WrongUsage
from pinnedrelease.cli.file_changes import show_diff, store
from pinnedrelease.cli.output import out, say
from pinnedrelease.cli.pairs import Declared, pairs_in_file
from pinnedrelease.cli.registry_access import add_no_registry, add_registry_arguments
from pinnedrelease.cli.release_text import NewRelease, check_names
from pinnedrelease.cli.targets import parse_target
from pinnedrelease.cli.text_files import STDIN, read_text, write_text
from pinnedrelease.cli.yaml_edit import declare_in
from pinnedrelease.cli.yaml_text import documents, plain_value
from pinnedrelease.core.messages import pair
from pinnedrelease.core.pin import Pin, Target, TargetKind
from pinnedrelease.core.reference import is_tag
from pinnedrelease.reconcile.clock import SystemClock

FORMATS = ("yaml", "json", "reference", "digest", "env")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the digest comes from, and where the pair goes."""
    parser.add_argument(
        "image",
        nargs="?",
        metavar="IMAGE|WORKLOAD",
        help="REPOSITORY:TAG, REPOSITORY:TAG@DIGEST, or a running workload such as deploy/web",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--metadata-file", type=Path, metavar="FILE", help="of docker buildx build or bake"
    )
    source.add_argument(
        "--digest-file", type=Path, metavar="FILE", help="of buildah, podman, Tekton and others"
    )
    source.add_argument(
        "--iidfile", type=Path, metavar="FILE", help="image id; the pushed tag must hold it"
    )
    source.add_argument(
        "--push-output", type=Path, metavar="FILE", help="what docker push printed; - for a pipe"
    )
    source.add_argument("--digest", help="as a build step has it in an output or a variable")
    parser.add_argument("--target", help="which target of a bake metadata file")
    parser.add_argument("--tag", help="the tag for people, when the image's name has none")
    parser.add_argument("-c", "--container", help="which container of a running workload")
    parser.add_argument(
        "-f",
        "--file",
        type=Path,
        metavar="FILE",
        help="PinnedRelease to edit in place, comments kept",
    )
    parser.add_argument(
        "--capture-file", type=Path, metavar="FILE", help="write the pair here, for later stages"
    )
    parser.add_argument("--name", help="PinnedRelease in the file, or of the new one")
    parser.add_argument(
        "--workload", metavar="KIND/NAME", help="target of a new PinnedRelease (default: its name)"
    )
    parser.add_argument("--change-cause", help="why (default: the commit that was built)")
    parser.add_argument("--commit", help="Git commit that was built (default: from CI or Git)")
    parser.add_argument(
        "-o",
        "--output",
        choices=FORMATS,
        help="print the pair: yaml and json a PinnedRelease, env lines for CI",
    )
    parser.add_argument("--dry-run", action="store_true", help="write no file")
    add_no_registry(parser)
    add_registry_arguments(parser)
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Capture. 0: the pair is written; 1: it is not what was built, or not there."""
    if given.tag is not None and not is_tag(given.tag):
        raise WrongUsage(f"--tag: {given.tag[:140]!r} is not an image tag")
    if len(given.change_cause or "") > CAUSE_LIMIT:
        raise WrongUsage(f"--change-cause: at most {CAUSE_LIMIT} characters")
    if STDIN in (str(given.file), str(given.capture_file)):
        raise WrongUsage("-f and --capture-file name files; for a pipe use -o yaml")
    target = target_of(given)
    captured = (
        capture_workload(given, target) if target is not None else run_async(capture_image(given))
    )
    capture = _described(given, captured)
    edit = _planned_edit(given, capture, captured.target) if given.file is not None else None
    if given.capture_file is not None and not given.dry_run:
        write_text(given.capture_file, capture_to_json(capture))
    if edit is not None:
        before, after = edit
        store(given.file, before, after, dry_run=given.dry_run)
        if given.output is None:
            show_diff(before, after, given.file)
            verb = "would declare" if given.dry_run else "declares"
            say(f"{given.file} {verb} {pair(capture.pin)}")
    if given.output is not None or (edit is None and given.capture_file is None):
        _print(given, capture, captured.target)
    elif edit is None:
        verb = "would hold" if given.dry_run else "holds"
        say(f"{given.capture_file} {verb} {capture.pin.reference}")
    return 0


def _described(given: argparse.Namespace, captured: Captured) -> Capture:
    commit = current_commit() if given.commit is None else None
    return Capture(
        pin=captured.pin,
        source=captured.source,
        time=SystemClock().now().wall,
        commit=given.commit or (commit.hash if commit else None),
        name=commit.name if commit else None,
        told_cause=given.change_cause,
    )


def _planned_edit(
    given: argparse.Namespace, capture: Capture, target: Target | None
) -> tuple[str, str]:
    """The file's text before and after. Raises CommandErrors before anything is written."""
    path: Path = given.file
    if not path.exists():
        return "", _new_release(given, capture, target)
    before = read_text(path)
    declared = _meant(given, capture.pin)
    spec = declared.spec
    rejection = spec.rejection_of(capture.pin.digest) if spec is not None else None
    if rejection is not None:
        raise CommandError(
            f"{path}: {capture.pin.digest} is in spec.rejectedDigests: {rejection.reason}; take it "
            "off that list first if you mean it"
        )
    if declared.pin == capture.pin:
        return before, before
    return before, declare_in(before, declared.name, capture.pin, capture.change_cause)


def _meant(given: argparse.Namespace, pin: Pin) -> Declared:
    """The PinnedRelease of the file that has the captured repository."""
    path: Path = given.file
    found = [
        one
        for one in pairs_in_file(path)
        if one.spec is not None and given.name in (None, one.name)
    ]
    if not found:
        wanted = f"PinnedRelease {given.name}" if given.name else "PinnedRelease"
        raise WrongUsage(f"{path} has no {wanted}")
    fitting = [one for one in found if one.pin.repository == pin.repository]
    if not fitting:
        listing = ", ".join(one.pin.spelling for one in found)
        raise CommandError(
            f"{path} is about {listing}, and the capture about {pin.spelling}; if the image has "
            "moved, change spec.repository first"
        )
    if len(fitting) > 1:
        names = ", ".join(one.name or "" for one in fitting)
        raise WrongUsage(f"{path} has several PinnedReleases of {pin.spelling}: --name {names}")
    return fitting[0]


def _print(given: argparse.Namespace, capture: Capture, target: Target | None) -> None:
    pin = capture.pin
    match given.output:
        case "reference":
            say(pin.reference)
        case "digest":
            say(str(pin.digest))
        case "env":
            out(
                f"repository={pin.spelling}\ntag={pin.tag}\ndigest={pin.digest}\n"
                f"reference={pin.reference}\n"
            )
        case "json":
            text = _new_release(given, capture, target)
            out(_as_json(text))
        case _:
            out(_new_release(given, capture, target))


def _new_release(given: argparse.Namespace, capture: Capture, target: Target | None) -> str:
    default = capture.pin.repository.path.rpartition("/")[2].replace("_", "-").replace(".", "-")
    name = given.name or (target.name if target else default)
    if given.workload is not None:
        target = parse_target(given.workload)
    release = NewRelease(
        name=name,
        namespace=given.namespace,
        pin=capture.pin,
        target=target or Target(kind=TargetKind.DEPLOYMENT, name=name),
        containers=(given.container,) if given.container else (),
        cause=capture.change_cause,
    )
    check_names(release)
    return release.text


def _as_json(text: str) -> str:
    (node,) = documents(text, "the new PinnedRelease")
    return json.dumps(plain_value(node), indent=2, ensure_ascii=False) + "\n"
