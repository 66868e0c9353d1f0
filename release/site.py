"""Hook of MkDocs: pages are written for GitHub, and this is what the site needs changed.

A relative link that leaves ``docs/`` becomes a link into the repository, at the branch or tag of
``$DOCS_REF``. Marks of fences for our tests are taken off: MkDocs knows none.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from release.pages import FENCE, LINK, prose

DOCS = PurePosixPath("docs")
REF = os.environ.get("DOCS_REF", "main")


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_: Files) -> str:
    """The page as the site needs it. Raises PluginError for a link to a file that is not there."""
    root = Path(config.docs_dir).parent
    source = DOCS / page.file.src_uri
    page.edit_url = f"{config.extra['repository']}/edit/main/{source}"

    def rewritten(found: re.Match[str]) -> str:
        outside = path_outside(found["target"], source)
        if outside is None:
            return found[0]
        path, fragment = outside
        if not (root / path).exists():
            raise PluginError(f"{source}: {found['target']} does not exist")
        kind = "tree" if (root / path).is_dir() else "blob"
        url = f"{config.extra['repository']}/{kind}/{REF}/{path}{fragment}"
        return f"{found['before']}{url}{found['after']}"

    lines = []
    for line, text in zip(markdown.split("\n"), prose(markdown).split("\n"), strict=True):
        fence = FENCE.match(line)
        if text:
            lines.append(LINK.sub(rewritten, line))
        elif fence is not None:
            language = fence["info"].split()[:1]
            lines.append(f"{fence['indent']}{fence['ticks']}{''.join(language)}")
        else:
            lines.append(line)
    return "\n".join(lines)


def path_outside(target: str, source: PurePosixPath) -> tuple[str, str] | None:
    """Path in the repository and fragment of a relative link that leaves ``docs/``, else None.

    ``source`` is the page's own path in the repository.
    """
    path, hash_sign, fragment = target.partition("#")
    if not path or ":" in path or path.startswith("/"):
        return None
    joined = posixpath.normpath(str(source.parent / path))
    if PurePosixPath(joined).is_relative_to(DOCS):
        return None
    return joined, hash_sign + fragment
