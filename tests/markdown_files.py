"""The Markdown files of this repository."""

from __future__ import annotations

import re
from pathlib import Path

from release.pages import Block

ROOT = Path(__file__).parents[1]
MADE = {"build", "dist", "node_modules", "site-packages"}
"""Folders whose content is no source."""


def pages() -> list[Path]:
    """All of them, relative to the root of the repository."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    return sorted(
        path
        for path in found
        if not MADE & set(path.parts)
        and not any(part.startswith(".") and part != ".github" for part in path.parts)
    )


def commands(block: Block) -> list[str]:
    """What a person types who follows a shell block.

    In ``console`` the lines after ``$``; a backslash at the end goes on in the next line.
    """
    text = re.sub(r"\s*\\\n\s*", " ", block.text)
    if block.language == "console":
        return [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    return text.splitlines() if block.language in {"sh", "bash"} else []
