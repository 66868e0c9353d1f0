"""``pin`` and ``check`` for files of any kind: read all, decide all, and only then write."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from pinnedrelease.cli.connection import run_async
from pinnedrelease.cli.errors import NO, WrongUsage
from pinnedrelease.cli.file_changes import show_diff, store
from pinnedrelease.cli.image_pins import (
    Image,
    Problem,
    Trouble,
    from_sources,
    is_same,
    pinned_text,
    read_image,
)
from pinnedrelease.cli.image_places import ImagePlace
from pinnedrelease.cli.other_files import is_remote, not_among
from pinnedrelease.cli.output import add_output_argument, note, show
from pinnedrelease.cli.pairs import Declared, pairs_in_file
from pinnedrelease.cli.registry_access import Asker, add_registry_arguments, answered
from pinnedrelease.cli.tables import table
from pinnedrelease.cli.text_files import STDIN, print_exactly, read_text
from pinnedrelease.cli.yaml_text import Edit, applied, documents, replaced
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.reference import Repository

Finder = Callable[[list[yaml.MappingNode], str], list[ImagePlace]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """A file with what is to be done in it."""

    path: Path
    before: str
    after: str
    texts: tuple[tuple[ImagePlace, str], ...]
    """Each image that is pinned afterwards, with its text."""
    troubles: tuple[Trouble, ...]
    built: tuple[ImagePlace, ...]


def add_pin_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``pin``."""
    parser.add_argument(
        "file", nargs="+", type=Path, metavar="FILE", help="file to pin, - for a pipe"
    )
    _add_sources(parser)
    parser.add_argument("--dry-run", action="store_true", help="show the diff, write nothing")
    parser.add_argument("--check", action="store_true", help="as the command check")
    add_registry_arguments(parser)


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``check``."""
    parser.add_argument(
        "file", nargs="+", type=Path, metavar="FILE", help="file to check, - for a pipe"
    )
    _add_sources(parser)
    add_output_argument(parser, "json")
    add_registry_arguments(parser)


def plan_files(given: argparse.Namespace, find: Finder) -> list[PlannedFile]:
    """Decide about every file. Raises CommandErrors before anything is written."""
    sources = tuple(pair for path in given.source for pair in pairs_in_file(path))
    if not sources and not given.registry:
        raise WrongUsage(
            "where do the digests come from? --from FILE (a capture or PinnedRelease), or "
            "--registry to look the tags up now"
        )
    lookup = _Lookup(given)
    return [_planned(given, path, find, sources, lookup) for path in given.file]


def pin_files(given: argparse.Namespace, planned: list[PlannedFile]) -> int:
    """Write. 0: everything is pinned now; 1: something is not, which is told."""
    files = [one for one in planned if str(one.path) != STDIN]
    # All files first: a reader of the diffs who goes away must not stop the work half way.
    for one in files:
        store(one.path, one.before, one.after, dry_run=given.dry_run)
    code = tell(planned)
    for one in planned:
        if one in files:
            show_diff(one.before, one.after, one.path)
        else:
            print_exactly(one.after)
    return code


def tell(planned: list[PlannedFile]) -> int:
    """Say what was left as it was; the exit code."""
    for one in planned:
        for place in one.built:
            note(f"{one.path}: {place.where} is built here, not pulled; left as it is")
        for trouble in one.troubles:
            note(
                f"{one.path}, line {trouble.place.line}: {trouble.place.where}: "
                f"{trouble.place.text or 'nothing'} {trouble.problem}; left as it is"
            )
    return NO if any(one.troubles for one in planned) else 0


def check_files(given: argparse.Namespace, find: Finder) -> int:
    """Look whether every image is pinned, and to what is declared. 0: yes, 1: no."""
    sources = tuple(pair for path in given.source for pair in pairs_in_file(path))
    lookup = _Lookup(given)
    found: list[tuple[Path, Trouble]] = []
    for path in given.file:
        for place in _places(given, path, read_text(path), find):
            trouble = None if place.is_built else _checked(given, place, sources, lookup)
            if trouble is not None:
                found.append((path, trouble))
    data = [
        {
            "file": str(path),
            "line": one.place.line,
            "where": one.place.where,
            "image": one.place.text,
            "problem": str(one.problem),
            "wanted": one.wanted or None,
        }
        for path, one in found
    ]
    show(getattr(given, "output", None), lambda: _table(found), data)
    return NO if found else 0


def _places(given: argparse.Namespace, path: Path, text: str, find: Finder) -> list[ImagePlace]:
    """What is to be looked at in a file; what nobody could name as a file is told and passed by."""
    places = find(documents(text, str(path)), str(path))
    in_place = getattr(given, "override", None) is None
    left = not_among(places, path, given.file, in_place=in_place)
    for place in filter(is_remote, left):
        note(
            f"{path}, line {place.line}: {place.where}: {place.text} is not on this machine; "
            "its images were not looked at"
        )
    return [one for one in left if not is_remote(one)]


def _planned(
    given: argparse.Namespace,
    path: Path,
    find: Finder,
    sources: tuple[Declared, ...],
    lookup: _Lookup,
) -> PlannedFile:
    before = read_text(path)
    edits: list[Edit] = []
    texts: list[tuple[ImagePlace, str]] = []
    troubles: list[Trouble] = []
    places = _places(given, path, before, find)
    for place in places:
        if place.is_built:
            continue
        wanted = _wanted(given, place, sources, lookup)
        if isinstance(wanted, Trouble):
            troubles.append(wanted)
            continue
        texts.append((place, wanted))
        if place.node is not None and wanted != place.text:
            what = f"{path}, line {place.line}: {place.where}"
            edits.append(replaced(place.node, wanted, what))
    return PlannedFile(
        path=path,
        before=before,
        after=applied(before, edits),
        texts=tuple(texts),
        troubles=tuple(troubles),
        built=tuple(one for one in places if one.is_built),
    )


def _wanted(
    given: argparse.Namespace, place: ImagePlace, sources: tuple[Declared, ...], lookup: _Lookup
) -> str | Trouble:
    """The text that is to stand in a place."""
    image = read_image(place)
    if isinstance(image, Trouble):
        return image
    by_source = from_sources(image, sources)
    if isinstance(by_source, Problem):
        return Trouble(place=place, problem=by_source)
    if by_source is not None:
        return place.text if is_same(image, by_source) and image.reference.tag else by_source
    if image.reference.digest is not None:
        return place.text
    return _looked_up(given, image, lookup)


def _looked_up(given: argparse.Namespace, image: Image, lookup: _Lookup) -> str | Trouble:
    """The text by what the tag names in the registry now."""
    tag = image.reference.tag
    if not given.registry or tag is None:
        problem = Problem.NO_TAG if given.registry else Problem.NO_SOURCE
        return Trouble(place=image.place, problem=problem)
    digest = lookup.resolve(image.reference.repository, tag)
    if digest is None:
        return Trouble(place=image.place, problem=Problem.NO_SUCH_TAG)
    return pinned_text(image, tag, digest)


def _checked(
    given: argparse.Namespace, place: ImagePlace, sources: tuple[Declared, ...], lookup: _Lookup
) -> Trouble | None:
    image = read_image(place)
    if isinstance(image, Trouble):
        return image
    by_source = from_sources(image, sources)
    wanted = "" if by_source is None or isinstance(by_source, Problem) else by_source
    digest = image.reference.digest
    if digest is None:
        return Trouble(place=place, problem=Problem.UNPINNED, wanted=wanted)
    if wanted and not is_same(image, wanted):
        return Trouble(place=place, problem=Problem.DIFFERENT, wanted=wanted)
    if by_source is Problem.AMBIGUOUS:
        return Trouble(place=place, problem=Problem.AMBIGUOUS)
    if given.registry and not lookup.exists(image.reference.repository, digest):
        return Trouble(place=place, problem=Problem.MISSING)
    return None


class _Lookup:
    """Registry questions, each asked once. Raises CommandErrors."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        self._tags: dict[tuple[Repository, str], Digest | None] = {}
        self._digests: dict[tuple[Repository, Digest], bool] = {}

    def resolve(self, repository: Repository, tag: str) -> Digest | None:
        """What a tag names now, or None."""

        async def work(asker: Asker) -> Digest | None:
            return await asker.resolve(tag)

        key = (repository, tag)
        if key not in self._tags:
            self._tags[key] = run_async(answered(self._given, repository, work))
        return self._tags[key]

    def exists(self, repository: Repository, digest: Digest) -> bool:
        """Whether the digest is there."""

        async def work(asker: Asker) -> bool:
            return await asker.exists(digest)

        key = (repository, digest)
        if key not in self._digests:
            self._digests[key] = run_async(answered(self._given, repository, work))
        return self._digests[key]


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from",
        dest="source",
        action="append",
        type=Path,
        metavar="FILE",
        default=[],
        help="capture or PinnedRelease to take digests from, repeatable",
    )
    parser.add_argument(
        "--registry", action="store_true", help="ask the registry about what no file declares"
    )


def _table(found: list[tuple[Path, Trouble]]) -> str:
    rows = [
        (str(path), str(one.place.line), one.place.where, one.place.text, str(one.problem))
        for path, one in found
    ]
    return table(("FILE", "LINE", "WHERE", "IMAGE", "PROBLEM"), rows) if rows else ""


def only_one_pipe(given: argparse.Namespace) -> None:
    """Raise WrongUsage when standard input is named twice."""
    if sum(str(path) == STDIN for path in (*given.file, *given.source)) > 1:
        raise WrongUsage("- can be given once: there is one standard input")
