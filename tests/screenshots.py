"""``make screenshots``: the pictures of docs/images, from a scene that has really been played."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from PIL import Image

import browser
import operator_process
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from dashboard_scene import Scene, operator_beside
from namespace import Namespace

IMAGES = Path(__file__).parent.parent / "docs" / "images"
LARGEST = 150 * 1024
PAUSE_S = 12.0
WIDTH = 1280


def main() -> int:
    """Play the scene and take the pictures."""
    if browser.CHROMIUM is None:
        sys.stderr.write("screenshots need Chromium; on Debian: apt install chromium\n")
        return 1
    with ControlPlane(ensure()) as plane:
        operator_process.install(plane)
        plane.kubectl("create", "namespace", "shop")
        registry = plane.start_registry()
        shop = Namespace(plane, "shop")
        with operator_beside(plane, registry, plane.folder):
            scene = Scene(shop, registry, PAUSE_S)
            scene.neighbours()
            scene.my_api()
            with browser.pinrel_ui(shop, plane.folder) as page, browser.chromium() as chromium:
                _take_all(chromium, page.address)
    return 0


def _take_all(chromium: Any, address: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    _take(chromium, f"{address}#/", "light", "ui-releases", 960)
    _take(chromium, f"{address}#/shop/my-api", "light", "ui-release", 1180)
    _take(chromium, f"{address}#/shop/my-api", "dark", "ui-release-dark", 790)
    _take(chromium, f"{address}#/at", "light", "ui-moment", 960)


def _take(chromium: Any, address: str, scheme: str, name: str, height: int) -> None:
    size = {"width": WIDTH, "height": height}
    context = chromium.new_context(viewport=size, color_scheme=scheme)
    tab = context.new_page()
    tab.goto(address)
    tab.locator("tbody code").first.wait_for()
    if name == "ui-moment":
        for _ in range(4):
            tab.get_by_role("button", name="Change before").click()
    path = IMAGES / f"{name}.png"
    tab.locator("h1").hover()
    tab.screenshot(path=path)
    context.close()
    # A page has few colours: a palette takes a third of the bytes, and nobody sees it.
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(256).save(path, optimize=True)
    assert path.stat().st_size < LARGEST, f"{path.name} is too large"
    sys.stdout.write(f"{path.name}: {path.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    sys.exit(main())
