"""``pinrel reject --lift``: what is on the list can be named by its first digits."""

from __future__ import annotations

import pytest

from objects import DIGEST_A, DIGEST_B
from pinnedrelease.cli.errors import CommandError, WrongUsage
from pinnedrelease.cli.reject import _to_lift
from pinnedrelease.core.digest import DeclaredDigest
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import RejectedDigest
from worlds import desired, release

NEAR = f"sha256:bbbb{'c' * 60}"


def refusing(*digests: str) -> Release:
    """A PinnedRelease without any history."""
    rejected = tuple(
        RejectedDigest(digest=DeclaredDigest.parse(one), reason="it eats orders") for one in digests
    )
    return release(desired(rejected=rejected))


@pytest.mark.parametrize("text", ["bbbb", "sha256:bbbb", DIGEST_B])
def test_a_refused_digest_that_never_ran_is_found_by_its_first_digits(text: str) -> None:
    assert str(_to_lift(refusing(DIGEST_A, DIGEST_B), text)) == DIGEST_B


@pytest.mark.parametrize("text", ["cccc", DIGEST_B])
def test_what_is_not_on_the_list_was_not_refused(text: str) -> None:
    with pytest.raises(
        CommandError, match=f"{text} was not refused by shop/web; refused are: aaaa"
    ):
        _to_lift(refusing(DIGEST_A), text)


def test_digits_that_fit_several_are_not_guessed() -> None:
    with pytest.raises(WrongUsage, match="'bbbb' fits several of the refused digests"):
        _to_lift(refusing(DIGEST_B, NEAR), "bbbb")
