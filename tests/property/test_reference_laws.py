"""Laws of references, on texts made from the grammar and on any text at all."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import InvalidDigest
from pinnedrelease.core.reference import (
    ImageReference,
    parse_reference,
    try_parse_reference,
)

LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
words = st.text(LOWER, min_size=1, max_size=8)
components = st.builds(
    lambda first, rest: first + "".join(separator + word for separator, word in rest),
    words,
    st.lists(st.tuples(st.sampled_from([".", "_", "__", "-", "---"]), words), max_size=2),
)
domains = st.builds(
    lambda name, port: f"{name}{port}",
    st.sampled_from(["registry.example.com", "localhost", "a-b.c", "10.0.0.1", "[2001:db8::1]"]),
    st.sampled_from(["", ":5000"]),
)
paths = st.lists(components, min_size=1, max_size=3).map("/".join)
tags = st.text(LOWER + "ABC_.-", min_size=1, max_size=20).filter(lambda tag: tag[0] not in ".-")
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map(lambda text: f"sha256:{text}")


@given(domains, paths, st.none() | tags, st.none() | digests)
def test_a_reference_made_from_the_grammar_has_its_parts(
    domain: str, path: str, tag: str | None, digest: str | None
) -> None:
    text = f"{domain}/{path}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")

    parsed = parse_reference(text)

    assert (parsed.repository.domain, parsed.repository.path) == (domain, path)
    assert parsed.tag == tag
    assert (str(parsed.digest) if parsed.digest else None) == digest


@given(domains, paths, st.none() | tags, st.none() | digests)
def test_the_normal_form_is_a_fixed_point(
    domain: str, path: str, tag: str | None, digest: str | None
) -> None:
    text = f"{domain}/{path}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")

    once = parse_reference(text)

    assert parse_reference(str(once)) == once
    assert str(parse_reference(str(once))) == str(once)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_a_reference_or_none_and_never_a_crash(text: str) -> None:
    parsed = try_parse_reference(text)

    assert parsed is None or isinstance(parsed, ImageReference)


@given(st.text(":@/.-_" + LOWER + "AZ[]", max_size=60))
def test_what_parses_prints_to_something_equal(text: str) -> None:
    parsed = try_parse_reference(text)

    assert parsed is None or parse_reference(str(parsed)) == parsed


@given(st.text())
def test_any_text_is_a_digest_or_an_invalid_one(text: str) -> None:
    with contextlib.suppress(InvalidDigest):
        assert str(Digest.parse(text)) == text
