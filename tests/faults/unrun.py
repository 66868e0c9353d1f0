"""Rows of the study's matrix that do not run here, each with its reason."""

from __future__ import annotations

UNRUN: dict[str, str] = {}
