"""What may come next on a command line. Read from the parsers, so it knows every flag."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinnedrelease.cli.main import COMMANDS, imported, parser_of
from pinnedrelease.cli.output import out
from pinnedrelease.core.observed import Release

NO_FILES = 4
"""cobra's directive: complete no file names."""
FILES = 0
ANSWER_S = 2.0
SHELLS = ("bash", "zsh", "fish")
_RELEASE = "PinnedRelease"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Words with descriptions, and whether the shell should offer files."""

    words: tuple[tuple[str, str], ...] = ()
    directive: int = NO_FILES

    def __str__(self) -> str:
        lines = [f"{word}\t{text}" if text else word for word, text in self.words]
        return "\n".join([*lines, f":{self.directive}"]) + "\n"


def candidates(words: Sequence[str]) -> Candidates:
    """For the words typed so far, of which the last one is unfinished and may be empty.

    Never raises: what cannot be found out is not offered.
    """
    *before, begun = words or [""]
    if not before:
        offered = {**COMMANDS, "controller": "run the operator"}
        return _fitting(begun, tuple(offered.items()))
    if before[0] not in COMMANDS:
        return Candidates()
    parser = parser_of(before[0], imported(before[0]), "pinrel")
    parser, rest = _innermost(parser, before[1:])
    pending = _pending_flag(parser, rest)
    if pending is not None:
        return _values(pending, begun, before)
    if begun.startswith("-"):
        return _fitting(begun, tuple(_flags(parser)))
    subcommands = _subcommands(parser)
    if subcommands is not None:
        return _fitting(begun, tuple(_described_keys(subcommands)))
    positional = _next_positional(parser, rest)
    return _values(positional, begun, before) if positional is not None else Candidates()


def print_candidates(words: Sequence[str]) -> int:
    """What may come next, as shells and kubectl ask for it (cobra's protocol)."""
    out(str(candidates(words)))
    return 0


def _innermost(
    parser: argparse.ArgumentParser, words: Sequence[str]
) -> tuple[argparse.ArgumentParser, Sequence[str]]:
    """The parser of the subcommand that has been typed, and the words after it."""
    for index, word in enumerate(words):
        subcommands = _subcommands(parser)
        if subcommands is None:
            break
        if word in _keys(subcommands):
            inner: argparse.ArgumentParser = subcommands.choices[word]
            return _innermost(inner, words[index + 1 :])
    return parser, words


def _subcommands(parser: argparse.ArgumentParser) -> argparse._SubParsersAction | None:  # type: ignore[type-arg]
    found = (
        one
        for one in parser._actions  # noqa: SLF001 - argparse has no public way to read a parser
        if isinstance(one, argparse._SubParsersAction)  # noqa: SLF001
    )
    return next(found, None)


def _keys(action: argparse.Action) -> list[str]:
    return [str(one) for one in action.choices or ()]


def _described_keys(
    action: argparse._SubParsersAction,  # type: ignore[type-arg]
) -> Iterator[tuple[str, str]]:
    described = {one.dest: one.help or "" for one in action._choices_actions}  # noqa: SLF001
    yield from ((name, described.get(name, "")) for name in _keys(action))


def _flags(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:  # noqa: SLF001
        if action.help != argparse.SUPPRESS:
            yield from ((flag, _help(action)) for flag in action.option_strings)


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%").partition("\n")[0]


def _pending_flag(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Action | None:
    """The flag that waits for its value, or None."""
    if not words:
        return None
    for action in parser._actions:  # noqa: SLF001
        if words[-1] in action.option_strings and action.nargs != 0:
            return action
    return None


def _next_positional(
    parser: argparse.ArgumentParser, words: Sequence[str]
) -> argparse.Action | None:
    """The argument that the next word fills; the last one may take several."""
    given = 0
    previous: str | None = None
    for word in words:
        is_value = previous is not None and _pending_flag(parser, [previous]) is not None
        if not word.startswith("-") and not is_value:
            given += 1
        previous = word
    positionals = [
        one
        for one in parser._actions  # noqa: SLF001
        if not one.option_strings and not isinstance(one, argparse._SubParsersAction)  # noqa: SLF001
    ]
    if given < len(positionals):
        return positionals[given]
    takes_more = bool(positionals) and positionals[-1].nargs in ("+", "*")
    return positionals[-1] if takes_more else None


def _values(action: argparse.Action, begun: str, before: Sequence[str]) -> Candidates:
    """What an argument may be."""
    if action.choices:
        return _fitting(begun, tuple((word, "") for word in _keys(action)))
    if action.type is Path or "FILE" in str(action.metavar or ""):
        return Candidates(directive=FILES)
    if action.dest == "context":
        return _fitting(begun, tuple((name, "") for name in _contexts()))
    if _RELEASE in (action.help or ""):
        return _fitting(begun, _release_names(before))
    return Candidates()


def _fitting(begun: str, words: Sequence[tuple[str, str]]) -> Candidates:
    return Candidates(words=tuple(one for one in words if one[0].startswith(begun)))


def _contexts() -> list[str]:
    try:
        from pinnedrelease.cluster.configuration import context_names  # noqa: PLC0415

        return context_names()
    except Exception:  # noqa: BLE001 - a completion has nobody to tell
        return []


def _release_names(before: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Names in the cluster that the flags typed so far mean."""
    flags = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    try:
        from pinnedrelease.cli.connection import (  # noqa: PLC0415 - slow, and only wanted here
            add_cluster_arguments,
            connect,
        )

        add_cluster_arguments(flags)
        given, _ = flags.parse_known_args(list(before))

        async def names() -> tuple[tuple[str, str], ...]:
            async with asyncio.timeout(ANSWER_S), connect(given) as connection:
                found = await connection.lister.releases(connection.namespace)
            return tuple((one.name, _described(one)) for one in found)

        return asyncio.run(names())
    except (Exception, SystemExit):  # noqa: BLE001 - a completion has nobody to tell
        return ()


def _described(release: Release) -> str:
    effective = release.status.effective
    return effective.pin.tag if effective is not None else ""
