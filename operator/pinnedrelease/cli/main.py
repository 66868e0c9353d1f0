"""``pinrel`` and ``kubectl pinned-release``: finds the command and imports nothing else."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from pinnedrelease.cli.errors import CANNOT_TELL, USAGE, CommandError, suggestion

GROUPS: dict[str, dict[str, str]] = {
    "from build to production": {
        "capture": "take the digest of a build, once, and write the pair down",
        "promote": "carry a pair on, between files, namespaces or clusters, unchanged",
        "tag": "give a digest another tag in the registry, without pulling it",
        "init": "write PinnedReleases for what runs in a namespace now",
    },
    "what runs": {
        "status": "show PinnedReleases, or one of them in full; --watch follows them",
        "verify": "check template, pods, digest and tag; needs no operator",
        "where": "find what declares or runs a digest",
        "history": "show the revisions of a PinnedRelease, or export them",
        "ran": "answer what ran at a time, from the status, an export or Git",
        "ui": "serve a read-only page of states, histories and what ran when, to your browser",
    },
    "act": {
        "rollback": "go back to an earlier revision, in the cluster or in a file",
        "clear-override": "end a break-glass override",
        "reject": "refuse a digest until a person lifts it",
        "suspend": "write nothing to the workload; drift is still reported",
        "resume": "go on after suspend",
        "reconcile": "have everything looked at now, and wait for it",
    },
    "files": {
        "compose": "pin the images of a Compose file, or check that they are pinned",
        "manifest": "pin the images of Kubernetes manifests, or check that they are pinned",
    },
    "set-up": {
        "doctor": "look for what works against pins: CRD, rights, registries, pull settings",
        "completion": "print the completion script of a shell",
        "admission": "print admission policies",
        "crd": "print the CustomResourceDefinition",
        "version": "print the version",
    },
}
COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}
DESCRIPTION = "Keep Kubernetes workloads on exactly the image digest that was declared."
_DEBUG_HELP = "show the way to an error"
INTERRUPTED = 130
PIPE_CLOSED = 141
"""As shells say it of a program that SIGPIPE ended: not 0, as work may have been left undone."""
_OF_OUTPUT = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of printing: files and connections have errors of their own by the time they come here."""
EXIT_CODES = (
    "exit codes: 0 done, or yes; 1 no, differs, or refused; 2 wrong usage; 3 cannot be told "
    "(a cluster or registry does not answer)"
)


class Command(Protocol):
    """What a module of a command has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's flags."""

    def run(self, given: argparse.Namespace) -> int:
        """Do it. Returns the exit code; raises CommandError."""


def main(arguments: Sequence[str], program: str) -> int:
    """Run one command. 0: done or yes, 1: no or nothing done, 2: wrong usage, 3: cannot tell.

    Also 130 after Ctrl-C, and 141 when who read the output went away before the work was done.
    """
    if None in (getattr(sys, "stdout", None), getattr(sys, "stderr", None)):
        # Closed by whoever started us (``>&-``): nothing could be told to anybody.
        return CANNOT_TELL
    code: int | None = None
    try:
        code = _code_of(arguments, program)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        # What cannot be printed now must not be tried again, in vain and loudly, at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:
            # Whoever read our output has seen enough, for example ``head``.
            return PIPE_CLOSED if code is None else code
        sys.stderr.write(f"error: the output cannot be written: {error.strerror}\n")
        return CANNOT_TELL
    return code


def _code_of(arguments: Sequence[str], program: str) -> int:
    wanted = arguments[0] if arguments else ""
    if wanted not in COMMANDS:
        return _front_page(arguments, program)
    command = imported(wanted)
    try:
        given = parser_of(wanted, command, program).parse_args(arguments[1:])
    except SystemExit as end:
        # After --help and after wrong usage. Its text may still be on the way.
        return end.code if isinstance(end.code, int) else USAGE
    return _run(command, given, program)


def parser_of(name: str, command: Command, program: str) -> argparse.ArgumentParser:
    """The parser of one command."""
    text = COMMANDS[name]
    parser = argparse.ArgumentParser(
        prog=f"{program} {name}",
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=EXIT_CODES,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help=_DEBUG_HELP)
    for one in parser._actions:  # noqa: SLF001 - argparse has no public way to read a parser
        if isinstance(one, argparse._SubParsersAction):  # noqa: SLF001
            for inner in one.choices.values():
                # No default here: it would undo what was said before the inner word.
                inner.add_argument(
                    "--debug", action="store_true", default=argparse.SUPPRESS, help=_DEBUG_HELP
                )
    return parser


def imported(name: str) -> Command:
    """The module of one command: others may need libraries that take longer than the command."""
    module: Command = import_module(f"pinnedrelease.cli.{name.replace('-', '_')}")
    return module


def _run(command: Command, given: argparse.Namespace, program: str) -> int:
    try:
        return command.run(given)
    except CommandError as error:
        from pinnedrelease.cli.output import clean  # noqa: PLC0415 - imports YAML

        if given.debug:
            traceback.print_exc()
        sys.stderr.write(clean(f"error: {error}\n"))
        return error.exit_code
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_OUTPUT:
            raise
        if given.debug:
            traceback.print_exc()
        sys.stderr.write(
            f"error: this is a defect of {program}: {type(error).__name__}: {error}; please report "
            "what this command prints with --debug\n"
        )
        return CANNOT_TELL


def _front_page(arguments: Sequence[str], program: str) -> int:
    """Help, or what is wrong with the first word."""
    wanted = arguments[0] if arguments else ""
    if wanted in ("-h", "--help", "help"):
        sys.stdout.write(front_page(program))
        return 0
    if wanted == "--version":
        sys.stdout.write(f"{_version()}\n")
        return 0
    if not wanted:
        sys.stderr.write(front_page(program))
        return USAGE
    near = suggestion(wanted, (*COMMANDS, "controller"))
    sys.stderr.write(
        f"usage: {program} COMMAND [flags]\n"
        f"error: there is no command {wanted[:40]!r}{near}; see: {program} --help\n"
    )
    return USAGE


def front_page(program: str) -> str:
    """What ``--help`` prints."""
    lines = [f"usage: {program} COMMAND [flags]", "", DESCRIPTION]
    for title, commands in GROUPS.items():
        lines += ["", f"{title}:", *(f"  {name:<16}{text}" for name, text in commands.items())]
    lines += ["", "the operator:", "  controller      run the operator (see: controller --help)"]
    lines += ["", f"Flags of a command: {program} COMMAND --help", EXIT_CODES]
    return "\n".join(lines) + "\n"


def _version() -> str:
    from pinnedrelease import __version__  # noqa: PLC0415

    return __version__
