"""Which pair a container runs, and under which name it is proposed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from objects import DIGEST_A, REPOSITORY
from pinnedrelease.cli.adoption import Proposal, _with_distinct_names, governed_in
from pinnedrelease.cli.errors import CommandError
from pinnedrelease.cli.release_text import NewRelease
from pinnedrelease.cli.running import Image, running_pair
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.core.pods import Pod, PodContainer
from worlds import PIN_A, container, desired, release, workload

STUCK, OLD = f"{REPOSITORY}:2.0", f"{REPOSITORY}:1.0"


def pod(name: str, image: str, image_id: str) -> Pod:
    container = PodContainer(name="web", image=image, image_id=image_id, trouble="", changed_by="")
    return Pod(
        name=name, uid=name, node="", is_ready=bool(image_id), is_finished=False, is_leaving=False,
        trouble="", containers=(container,),
    )  # fmt: skip


async def test_the_digest_of_an_old_pod_does_not_get_the_new_tag() -> None:
    """The new pod could not pull; its tag went into Git with the old one's digest."""
    pods = [pod("new", STUCK, ""), pod("old", OLD, f"{REPOSITORY}@{DIGEST_A}")]

    with pytest.raises(CommandError, match=r"pod old was asked to run .*:1\.0.*not tag 2\.0"):
        await running_pair("web", Image.of(STUCK, "web"), pods, None, None)


async def test_pods_of_the_template_are_believed_whatever_people_call_the_tag() -> None:
    pods = [pod("a", OLD, f"{REPOSITORY}@{DIGEST_A}")]

    found = await running_pair("web", Image.of(OLD, "web"), pods, None, "stable")

    assert (found.pin.tag, str(found.pin.digest)) == ("stable", DIGEST_A)


def proposal(name: str, target: str, kind: TargetKind = TargetKind.DEPLOYMENT) -> Proposal:
    release = NewRelease(
        name=name, namespace="shop", pin=PIN_A, target=Target(kind=kind, name=target)
    )
    return Proposal(release=release, grounds="", rolls_out=False)


def names(*proposals: Proposal, taken: frozenset[str] = frozenset()) -> list[str]:
    return [one.release.name for one in _with_distinct_names(list(proposals), taken)]


def test_no_two_proposals_have_one_name() -> None:
    """Container app of web, and the workload web-app: one file replaced the other."""
    found = names(proposal("web-app", "web"), proposal("web-app", "web-app"))

    assert len(set(found)) == 2
    assert names(proposal("web", "web"), proposal("web", "web", TargetKind.CRON_JOB)) == [
        "web-deployment", "web-cronjob",
    ]  # fmt: skip


def test_no_proposal_has_the_name_of_a_release_that_is_there() -> None:
    """To apply it would have turned the other one's pin into this one's."""
    assert names(proposal("web", "web"), taken=frozenset({"web"})) == ["web-deployment"]
    assert names(proposal("web", "web"), taken=frozenset({"web", "web-deployment"})) == [
        "web-deployment-2"
    ]
    assert names(replace(proposal("api", "api")), taken=frozenset({"web"})) == ["api"]


def test_what_is_declared_is_governed_before_any_operator_has_looked() -> None:
    """init proposed a second PinnedRelease for it, and two of them would fight."""
    on = workload(
        container(f"{REPOSITORY}:1.0", "web"),
        container("ghcr.io/acme/log:1.0", "log"),
        container("ghcr.io/acme/log:2.0", "side"),
    )
    by_repository, by_name = release(), release(desired(containers=("log",)), name="log")
    other = release(desired(target=Target(kind=TargetKind.DEPLOYMENT, name="other")))

    assert governed_in(on, [by_repository]) == {"web"}
    assert governed_in(on, [by_repository, by_name]) == {"web", "log"}
    assert governed_in(on, [other]) == frozenset()
