"""A scripted month: what the record answers afterwards is what happened, or "unknown"."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

import pytest

from objects import REPOSITORY
from pinnedrelease.core.actions import ApplyImages
from pinnedrelease.core.digest import DeclaredDigest
from pinnedrelease.core.history import Revision
from pinnedrelease.core.observed import Memory, Observed
from pinnedrelease.core.pin import DesiredPin, Override
from pinnedrelease.core.plan import plan
from pinnedrelease.core.timeline import Certainty, Segment, at, during, timeline_of
from pinnedrelease.core.workload import Fence, FieldChange
from worlds import DONE, HALFWAY, NOON, after, desired, pin, release, workload, world
from worlds import at as instant

MONTH_S = 30 * 86_400
CHANGES = 30
QUESTIONS = 100
ROLLOUT_S = 60
PAIRS = tuple(pin(f"sha256:{number:064x}", f"1.{number}") for number in range(1, 8))


@dataclass
class Month:
    """A world that is driven by a script, and the truth about it."""

    random: Random
    now: int = 0
    observed: Observed = field(
        default_factory=lambda: replace(
            world(release(desired(PAIRS[0], revision_history_limit=50)), workload()),
            watching_since=NOON,
        )
    )
    is_up: bool = True
    template: list[tuple[int, str]] = field(default_factory=list)
    """When the template got which image."""
    declared: list[tuple[int, str]] = field(default_factory=list)
    """When which digest was written as the one in force."""
    log: list[str] = field(default_factory=list)

    def go_to(self, when: int) -> None:
        assert when >= self.now
        self.now = when

    def passes(self) -> None:
        """The operator at work: it writes, the pods follow a minute later, it says so."""
        if not self.is_up:
            return
        for _ in range(8):
            decided = plan(self.observed, instant(self.now))
            if not decided.actions:
                break
            self.observed = after(self.observed, decided)
            if any(isinstance(one, ApplyImages) for one in decided.actions):
                self._written()
        assert self.observed.workload is not None
        rollout = self.observed.workload.rollout
        if rollout != DONE or not rollout.observed:
            self.now += ROLLOUT_S
            self._workload(rollout=DONE)
            self.passes()

    def _written(self) -> None:
        status = self.observed.release.status
        assert status.effective is not None
        fence = Fence(release_uid="uid-of-release", generation=self.observed.release.generation)
        self._workload(rollout=HALFWAY, fences=(("web", fence),))
        self.template.append((self.now, self._image()))
        self.declared.append((self.now, str(status.effective.pin.digest)))

    def _workload(self, **changes: object) -> None:
        assert self.observed.workload is not None
        changed = replace(self.observed.workload, **changes)  # type: ignore[arg-type]
        self.observed = replace(self.observed, workload=changed)

    def _image(self) -> str:
        assert self.observed.workload is not None
        return self.observed.workload.containers[0].image

    def spec(self) -> DesiredPin:
        found = self.observed.release.spec
        assert isinstance(found, DesiredPin)
        return found

    def declare(self, **changes: object) -> None:
        of = self.observed.release
        spec = replace(self.spec(), **changes)  # type: ignore[arg-type]
        self.observed = replace(
            self.observed, release=replace(of, spec=spec, generation=of.generation + 1)
        )

    def set_image(self, image: str) -> None:
        """Somebody changes the workload by hand."""
        assert self.observed.workload is not None
        changed = FieldChange(manager="ana", changed_at=NOON + timedelta(seconds=self.now))
        container = replace(self.observed.workload.containers[0], image=image, changed_by=changed)
        self._workload(containers=(container,), owned_containers=frozenset())
        self.template.append((self.now, image))

    # What can happen in a month.

    def promote(self) -> None:
        self.declare(pin=self.random.choice(PAIRS))
        self.passes()

    def override(self) -> None:
        other = self.random.choice([one for one in PAIRS if one.digest != self.spec().pin.digest])
        wish = Override(
            digest=DeclaredDigest.parse(str(other.digest)),
            instead_of=self.spec().pin.digest,
            reason=f"reason {self.now}",
        )
        self.declare(override=wish)
        self.passes()

    def clear_override(self) -> None:
        self.declare(override=None)
        self.passes()

    def drift(self) -> None:
        self.set_image(f"{REPOSITORY}:dev-{self.now}")
        self.passes()

    def debug_while_suspended(self) -> None:
        self.declare(suspend=True)
        self.passes()
        self.go_to(self.now + self.random.randint(60, 3600))
        self.set_image(f"{REPOSITORY}:debug-{self.now}")
        self.passes()
        self.go_to(self.now + self.random.randint(600, 7200))
        self.declare(suspend=False)
        self.passes()

    def outage(self) -> None:
        self.is_up = False
        before = self._image()
        for step in range(self.random.randint(0, 3)):
            self.go_to(self.now + self.random.randint(60, 3600))
            is_return = self.random.random() < 0.4
            self.set_image(before if is_return else f"{REPOSITORY}:outage-{self.now}-{step}")
        if self.random.random() < 0.3:
            self.declare(pin=self.random.choice(PAIRS))
        self.go_to(self.now + self.random.randint(60, 7200))
        self.is_up = True
        self.observed = replace(
            self.observed,
            memory=Memory(),
            watching_since=NOON + timedelta(seconds=self.now),
        )
        self.passes()


def lived(seed: int) -> Month:
    month = Month(random=Random(seed))  # noqa: S311 - a script, not a secret
    month.passes()
    step = MONTH_S // CHANGES
    happenings = [
        Month.promote, Month.promote, Month.override, Month.clear_override, Month.drift,
        Month.debug_while_suspended, Month.outage,
    ]  # fmt: skip
    for number in range(1, CHANGES + 1):
        month.go_to(max(month.now + 120, number * step + month.random.randint(0, step // 2)))
        happening = month.random.choice(happenings)
        month.log.append(f"{month.now}: {happening.__name__}")
        happening(month)
    return month


def truth_at(steps: list[tuple[int, str]], second: int) -> str:
    """What the newest step until then has set."""
    return [text for when, text in steps if when <= second][-1]


def agrees(month: Month, answer: Segment, second: int) -> bool:
    """Whether an answer is what happened, as far as it claims to know."""
    if answer.certainty is Certainty.UNKNOWN:
        return True
    assert answer.revision is not None
    if truth_at(month.declared, second) != str(answer.revision.pin.digest):
        return False
    image = truth_at(month.template, second)
    is_pinned = answer.revision.pin.is_run_by(image)
    match answer.certainty:
        case Certainty.RAN | Certainty.ROLLING_OUT:
            return is_pinned
        case Certainty.DRIFTED:
            return not is_pinned and image in answer.note
        case _:
            return True


@pytest.mark.parametrize("seed", range(12))
def test_a_month_is_remembered_as_it_was(seed: int) -> None:
    month = lived(seed)
    timeline = timeline_of(month.observed.release.status, "status")
    random = Random(seed + 1000)  # noqa: S311 - a script, not a secret
    asked = [random.randint(-3600, month.now + 3600) for _ in range(QUESTIONS)]

    wrong = {
        second: answer
        for second in asked
        if not agrees(month, answer := at(timeline, NOON + timedelta(seconds=second)), second)
    }

    assert not wrong, "\n".join([*month.log, *map(str, wrong.items())])


@pytest.mark.parametrize("seed", range(12))
def test_most_of_a_month_is_known(seed: int) -> None:
    month = lived(seed)
    timeline = timeline_of(month.observed.release.status, "status")

    segments = during(timeline, NOON, NOON + timedelta(seconds=month.now))

    known_s = sum(
        (one.until - one.since).total_seconds()
        for one in segments
        if one.until and one.since and one.certainty is not Certainty.UNKNOWN
    )
    assert known_s > month.now / 3, "an honest record is no excuse for an empty one"


@pytest.mark.parametrize("seed", range(12))
def test_intervals_of_a_month_have_neither_gap_nor_overlap(seed: int) -> None:
    revisions: tuple[Revision, ...] = lived(seed).observed.release.status.history.revisions

    for newer, older in itertools.pairwise(revisions):
        assert older.supersede_time == newer.deploy_time
        assert newer.number == older.number + 1
