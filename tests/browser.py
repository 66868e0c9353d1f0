"""A real Chromium, and what tests ask of a page in it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from controlplane.processes import Child
from namespace import Namespace

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """``pinrel ui`` as a process, and the address that it has printed."""

    address: str
    child: Child


@contextmanager
def pinrel_ui(namespace: Namespace, folder: Path, *flags: str) -> Iterator[Page]:
    """Serve the page of a namespace until the block ends."""
    log = folder / "ui.log"
    child = Child(
        "pinrel ui",
        [sys.executable, "-m", "pinnedrelease", "ui", f"--namespace={namespace.name}", *flags],
        log,
        environment={
            **os.environ,
            "KUBECONFIG": str(namespace.cluster.admin_kubeconfig),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )
    try:
        child.wait_until(lambda: "Ctrl-C ends" in child.tail(), 60)
        address = next(line for line in child.tail().splitlines() if line.startswith("http://"))
        yield Page(address=address, child=child)
    finally:
        child.stop()


CONTRASTS = """
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((one) => {
      const part = one / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const groundOf = (element) => {
    const drawn = element.closest("a.block")?.querySelector(".ground");
    if (drawn && !element.classList.contains("action")) return rgba(getComputedStyle(drawn).fill);
    for (let at = element; at; at = at.parentElement) {
      const ground = rgba(getComputedStyle(at).backgroundColor);
      if (ground[3] === 255) return ground;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    const hidden = element.closest(".unseen, .skip, noscript, title, [hidden], option");
    if (!text || hidden) continue;
    const style = getComputedStyle(element);
    const ink = rgba(element instanceof SVGElement ? style.fill : style.color);
    const where = `${element.tagName}.${element.getAttribute("class")}`;
    found.push({ text, where, ratio: ratio(ink, groundOf(element)) });
  }
  return found;
}
"""
"""The contrast of every text with its ground (WCAG 2.2, "contrast ratio"), as colours are drawn."""
