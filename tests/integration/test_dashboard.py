"""``pinrel ui`` in a real browser, on real objects that a real operator keeps."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import browser
from browser import CONTRASTS, Page
from controlplane.plane import ControlPlane
from dashboard_scene import Scene, operator_beside
from namespace import Namespace, eventually
from objects import DIGEST_A, UNASKED, deployment, pinned_release
from pinrel import pinrel

pytestmark = [pytest.mark.integration]

SCRIPT = "<img src=x onerror=document.title='hit'><script>document.title='hit'</script>"
LEAST_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3, level AA, for text of any size."""

NAME = "(it) => it.ariaLabel || it.innerText || it.labels?.[0]?.innerText"
MAKE_MARKUP = """
() => { try { document.body.innerHTML = "<p>"; return ""; } catch (error) { return error.name; } }
"""


@pytest.fixture(scope="module")
def scene(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A namespace with a story, and an operator."""
    registry = plane.start_registry()
    name = "dashboard-shop"
    plane.kubectl("create", "namespace", name)
    with operator_beside(plane, registry, tmp_path_factory.mktemp("operator")):
        scene = Scene(Namespace(plane, name), registry, pause_s=1.1)
        scene.my_api()
        yield scene
    plane.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def page(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser.pinrel_ui(scene.namespace, tmp_path_factory.mktemp("ui")) as page:
        yield page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if browser.CHROMIUM is None:
        pytest.skip("needs Chromium; on Debian: apt install chromium")
    with browser.chromium() as found:
        yield found


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A fresh tab; every error that its page reports fails the test, but for a server's end."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield tab
    context.close()
    assert [one for one in errors if "net::ERR_" not in one] == []


@pytest.fixture
def guest(scene: Scene) -> Iterator[str]:
    """The name of a release that a test adds to the scene, and that is gone afterwards."""
    yield "guest"
    for kind in ("pinnedreleases", "deployments"):
        scene.namespace.kubectl("delete", kind, "guest", "--ignore-not-found")


def clipboard(tab: Any) -> str:
    text: str = tab.evaluate("navigator.clipboard.readText()")
    return text


def test_the_table_shows_the_state_of_each_release(tab: Any, page: Page, scene: Scene) -> None:
    tab.goto(page.address)

    row = tab.locator("tr", has=tab.get_by_role("link", name="my-api"))
    row.wait_for()
    assert "Ready" in row.inner_text()
    assert "RolledBack" in row.inner_text()
    assert "Override" in row.inner_text()
    assert "Tag moved" in row.inner_text()
    in_force = scene.namespace.release("my-api")["status"]
    assert in_force["shortDigest"] in row.inner_text()
    assert "3/3" in row.inner_text()
    assert tab.locator("#live-text").inner_text() == "Live"


def test_one_release_is_told_as_a_picture_and_as_tables(tab: Any, page: Page, scene: Scene) -> None:
    tab.goto(f"{page.address}#/{scene.namespace.name}/my-api")

    history = tab.get_by_role("table", name=re.compile("^Revisions of"))
    history.wait_for()
    rows = history.locator("tbody tr").all_inner_texts()
    stored = scene.namespace.release("my-api")["status"]["history"]
    assert len(rows) == len(stored) == 4
    for row, entry in zip(rows, stored, strict=True):
        assert entry["digest"][7:19] in row
        assert entry["deployTime"].replace("T", " ").removesuffix("Z") in row
        assert entry["action"] in row
        assert entry["actor"] in row
    assert "acme/my-api@9d1c2e1" in rows[2]
    assert "INC-4711" in rows[0]
    blocks = tab.locator("svg.picture a.block").all_text_contents()
    assert [re.search(r"Revision (\d)", text)[1] for text in blocks] == ["1", "2", "3", "4"]  # type: ignore[index]
    incidents = tab.get_by_role("table", name=re.compile("^Incidents of")).inner_text()
    assert "kubectl-set" in incidents
    assert "template changed" in incidents
    assert "tag moved" in incidents
    assert tab.locator("svg.picture .incident").count() >= 2
    assert "INC-4711" in tab.locator(".notices").inner_text()


def test_what_is_copied_is_whole(tab: Any, page: Page, scene: Scene) -> None:
    status = scene.namespace.release("my-api")["status"]
    tab.goto(f"{page.address}#/{scene.namespace.name}/my-api")

    tab.get_by_role("button", name="Copy digest", exact=True).click()
    tab.get_by_text("Copied digest", exact=True).wait_for(state="attached")
    assert clipboard(tab) == status["digest"]
    tab.get_by_role("button", name="Copy image reference", exact=True).click()
    tab.get_by_text("Copied image reference", exact=True).wait_for(state="attached")
    assert clipboard(tab) == f"{scene.repository}@{status['digest']}"
    tab.get_by_role("button", name="Copy kubectl command").click()
    tab.get_by_text("Copied kubectl command").wait_for(state="attached")
    command = clipboard(tab).split()
    assert command[0] == "kubectl"
    assert f"digest: {status['digest']}" in scene.namespace.cluster.kubectl(*command[1:]).stdout


def test_a_change_appears_without_a_reload_and_is_announced(
    tab: Any, page: Page, scene: Scene, guest: str
) -> None:
    tab.goto(page.address)
    row = tab.locator("tr", has=tab.get_by_role("link", name=guest))
    tab.get_by_role("link", name="my-api").wait_for()

    scene.namespace.apply(pinned_release(guest, target="nobody"))
    row.wait_for()
    tab.get_by_role("link", name=guest).focus()
    scene.wait_condition(guest, "Ready", ("False", "TargetNotFound"))

    row.get_by_text("Not ready").wait_for()
    assert f"{guest}: Not ready, TargetNotFound" in tab.locator("#announcer").inner_text()
    assert tab.evaluate("document.activeElement.textContent") == guest, "focus stays"
    scene.namespace.kubectl("delete", "pinnedreleases", guest)
    row.wait_for(state="detached")


def test_the_moment_answers_as_pinrel_ran_does(tab: Any, page: Page, scene: Scene) -> None:
    name = scene.namespace.name
    history = scene.namespace.release("my-api")["status"]["history"]
    first = datetime.fromisoformat(history[-1]["deployTime"])
    moments = [first - timedelta(seconds=1)]
    moments += [datetime.fromisoformat(one["deployTime"]) for one in history]

    for moment in moments:
        when = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        tab.goto("about:blank")
        tab.goto(f"{page.address}#/at/{when}/{name}")
        row = tab.locator("tr", has=tab.get_by_role("link", name="my-api"))
        row.wait_for()
        shown = row.inner_text()
        said = pinrel("ran", "my-api", "--at", when, "-o", "json", namespace=scene.namespace)
        (answer,) = json.loads(said.out)["answers"]
        assert answer["note"] in shown
        assert answer["digest"] is None or answer["digest"][7:19] in shown
        for end in (answer["since"], answer["until"]):
            assert end is None or end.replace("T", " ").removesuffix("Z") in shown


def test_stepping_goes_from_change_to_change(tab: Any, page: Page, scene: Scene) -> None:
    history = scene.namespace.release("my-api")["status"]["history"]
    tab.goto(f"{page.address}#/at")
    tab.get_by_role("link", name="my-api").wait_for()
    digests: list[str] = []

    for _ in range(30):
        tab.get_by_role("button", name="Change before").press("Enter")
        digest = tab.locator("table.moment code").get_attribute("title")
        if digest not in digests[-1:]:
            digests.append(digest)

    assert digests == [one["digest"] for one in history]
    tab.get_by_role("slider").focus()
    before = tab.locator("#moment").input_value()
    tab.keyboard.press("End")
    assert tab.locator("#moment").input_value() > before


@pytest.mark.usefixtures("scene")
def test_everything_can_be_reached_and_used_with_the_keyboard(tab: Any, page: Page) -> None:
    tab.goto(page.address)
    tab.get_by_role("link", name="my-api").wait_for()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to content"
    seen: list[str] = []
    for _ in range(20):
        tab.keyboard.press("Tab")
        outline, text = tab.evaluate(
            "[getComputedStyle(document.activeElement).outlineStyle, "
            "document.activeElement.getAttribute('aria-label') ?? "
            "document.activeElement.textContent]"
        )
        seen.append(text)
        assert outline == "solid", f"focus on {text} cannot be seen"
        if text == "my-api":
            break

    assert seen == [
        "PinnedRelease",
        "Now",
        "At a moment",
        "Dark",
        "Filter by name, tag or digest",
        "1 Ready",
        "0 On its way",
        "0 Not ready",
        "0 Not looked at yet",
        "my-api",
    ]
    tab.keyboard.press("Enter")
    tab.locator("h1", has_text="my-api").wait_for()
    # A function that waits in the page would need eval, which the page's policy refuses.
    tab.locator("h1:focus").wait_for()
    tab.go_back()
    tab.get_by_role("heading", name="Releases").wait_for()


def test_screen_readers_find_landmarks_headings_and_headers(
    tab: Any, page: Page, scene: Scene
) -> None:
    for path, heading in (
        ("", "Releases"),
        (f"#/{scene.namespace.name}/my-api", "my-api"),
        ("#/at", "What ran at a moment"),
    ):
        tab.goto("about:blank")
        tab.goto(page.address + path)
        tab.locator("tbody a, tbody td").first.wait_for()
        assert tab.get_by_role("banner").count() == 1
        assert tab.get_by_role("main").count() == 1
        assert tab.get_by_role("navigation").count() == 1
        assert tab.locator("h1").all_inner_texts() == [heading]
        unnamed = tab.evaluate(
            "[...document.querySelectorAll('table')].filter((one) => "
            "!one.caption?.textContent || one.querySelector('thead th:not([scope=col])') || "
            "one.querySelector('tbody th:not([scope=row])')).length"
        )
        assert unnamed == 0
        for role in ("button", "link", "combobox", "slider"):
            for one in tab.get_by_role(role).all():
                assert one.evaluate(NAME), one.evaluate("(it) => it.outerHTML")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(
    chromium: Any, page: Page, scene: Scene, scheme: Any
) -> None:
    context = chromium.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    texts = 0
    for path in ("", f"#/{scene.namespace.name}/my-api", "#/at"):
        tab.goto("about:blank")
        tab.goto(page.address + path)
        tab.locator("tbody code").first.wait_for()
        found = tab.evaluate(CONTRASTS)
        texts += len(found)
        assert [one for one in found if one["ratio"] < LEAST_CONTRAST] == []
    context.close()
    assert texts > 100


def test_the_scheme_follows_the_system_until_somebody_chooses(tab: Any, page: Page) -> None:
    def ground() -> str:
        colour: str = tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return colour

    tab.emulate_media(color_scheme="light")
    tab.goto(page.address)
    light = ground()
    tab.emulate_media(color_scheme="dark")
    dark = ground()
    assert light != dark
    tab.get_by_role("button", name="Light").click()
    assert ground() == light
    tab.reload()
    assert ground() == light, "the choice is kept"


def test_hostile_texts_are_shown_as_text(tab: Any, page: Page, scene: Scene, guest: str) -> None:
    """A cause, an image and a field manager may be any text; the operator records all three."""
    shop = scene.namespace
    pinned = pinned_release(
        guest, target=guest, digest=DIGEST_A, changeCause=SCRIPT, registry=UNASKED
    )
    shop.apply(deployment(guest), pinned)
    shop.wait_ready(guest, timeout_s=60)
    shop.kubectl(
        "set", "image", f"deployment/{guest}", f"{guest}={SCRIPT}", f"--field-manager={SCRIPT}"
    )
    scene.wait_correction(guest)

    tab.goto(f"{page.address}#/{shop.name}/{guest}")

    history = tab.get_by_role("table", name=re.compile("^Revisions of"))
    history.get_by_role("cell", name=SCRIPT, exact=True).wait_for()
    incidents = tab.get_by_role("table", name=re.compile("^Incidents of"))
    assert incidents.get_by_role("cell", name=SCRIPT, exact=True).count() == 2
    assert SCRIPT in tab.locator("svg.picture .incident title").first.text_content()
    assert tab.locator("main img, main script").count() == 0
    assert "hit" not in tab.title()


def test_not_even_a_mistake_of_ours_could_make_markup_of_a_text(chromium: Any, page: Page) -> None:
    tab = chromium.new_page()
    tab.goto(page.address)

    assert tab.evaluate(MAKE_MARKUP) == "TypeError"
    tab.close()


def test_an_end_of_the_program_is_told_on_the_page(tab: Any, scene: Scene, tmp_path: Path) -> None:
    with browser.pinrel_ui(scene.namespace, tmp_path, "--context=pinnedrelease-test") as page:
        tab.goto(page.address)
        tab.get_by_text("Live", exact=True).wait_for()
        page.child.send(signal.SIGINT)
        assert page.child.wait(20) == 130
        tab.locator("#trouble", has_text="does not answer any more").wait_for()
        assert tab.locator("tbody tr").count() > 0, "what was known stays"


def test_the_process_answers_on_its_own_address_only(page: Page, scene: Scene) -> None:
    port = int(page.address.split(":")[2].split("/")[0])

    def status(path: str, **headers: str) -> int:
        return httpx.get(f"http://127.0.0.1:{port}{path}", headers=headers).status_code

    secret = page.address.split("/")[3]
    assert status(f"/{secret}/about") == 200
    assert status("/about") == 404
    assert status(f"/{secret}/about", Host="evil.example.com") == 421
    said = pinrel("ui", f"--port={port}", namespace=scene.namespace)
    assert said.code == 1
    assert "leave --port out" in said.err


def test_who_may_not_look_is_told_before_anything_is_served(plane: ControlPlane) -> None:
    account = plane.service_account_kubeconfig("default", "default")

    said = pinrel("ui", "-A", "--kubeconfig", str(account))

    assert said.code == 1
    assert said.out == ""
    assert "forbidden" in said.err
    assert "look in one namespace with -n" in said.err


def test_without_a_cluster_nothing_is_served() -> None:
    said = pinrel("ui")

    assert (said.code, said.out) == (3, "")


def test_an_api_server_that_stops_is_told_and_then_forgotten(
    tab: Any, page: Page, scene: Scene, plane: ControlPlane
) -> None:
    tab.goto(page.address)
    tab.get_by_text("Live", exact=True).wait_for()

    plane.stop_component("kube-apiserver")
    tab.locator("#trouble", has_text="The cluster does not answer").wait_for()
    plane.start_component("kube-apiserver")

    tab.get_by_text("Live", exact=True).wait_for(timeout=60_000)
    assert tab.locator("#trouble").is_hidden()
    eventually(
        lambda: scene.namespace.condition("Ready", "my-api") is not None,
        lambda: scene.namespace.describe("my-api"),
    )
