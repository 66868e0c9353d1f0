"""Namespaces are shared by operators: each by exactly one, and for ever by the same."""

from __future__ import annotations

import pytest

from pinnedrelease.core.shards import Shard

NAMESPACES = [f"team-{number}" for number in range(2000)]


@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_each_namespace_has_one_shard_and_shards_are_about_equal(count: int) -> None:
    owned = [
        [name for name in NAMESPACES if Shard(number, count).owns(name)] for number in range(count)
    ]

    assert sorted(name for names in owned for name in names) == sorted(NAMESPACES)
    assert min(map(len, owned)) > 0.6 * len(NAMESPACES) / count


def test_an_upgrade_moves_no_namespace() -> None:
    """Two versions side by side must never both own one."""
    assert [Shard(0, 3).owns(name) for name in ("default", "shop", "team-a", "team-b")] == [
        False, False, True, False,
    ]  # fmt: skip


def test_each_shard_has_a_lease_of_its_own_and_a_whole_has_the_plain_one() -> None:
    assert Shard().lease_of("lease") == "lease"
    assert Shard(1, 2).lease_of("lease") == "lease-1-of-2"


@pytest.mark.parametrize("text", ["", "1", "2/2", "-1/2", "a/b", "0/0", "0/1000"])
def test_a_wrong_shard_says_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"0/2|counted from 0"):
        Shard.parse(text)
