"""What Argo CD v3.6 does with a resource's Lua, in a real Lua 5.1.

After its ``util/lua`` and ``server/application``.

Scripts get ``obj`` and ``actionParams``, the base and table libraries and a part of ``os``; no
string and no math library, and strings have no methods. What an action returns is compared with the
live object, and the difference is sent as a merge patch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lupa import lua51  # type: ignore[import-untyped]

Object = dict[str, Any]

CUSTOMIZATION = (
    Path(__file__).parents[1]
    / "integrations/argocd/resource_customizations/pinnedrelease.dev/PinnedRelease"
)
FIELD_MANAGER = "argocd-server"
"""Who owns what an action has changed."""
HEALTH_STATES = frozenset({"Unknown", "Progressing", "Suspended", "Healthy", "Degraded", "Missing"})
NOON = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
DATE_FLAGS = frozenset("aAbBcdFHImMpPSxXyYzZw")

_SANDBOX = """
local date, time = ...
debug.setmetatable("", nil)
package.loaded.os = {date = date, time = time}
string, math, io, debug, os, coroutine, python = nil, nil, nil, nil, nil, nil, nil
for _, name in ipairs({"string", "math", "io", "debug", "coroutine"}) do
  package.loaded[name] = nil
end
"""


class ScriptFailed(Exception):
    """A script ended with an error; the message is what a user of Argo CD reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgoCD:
    """The Lua of one kind, as Argo CD runs it at a moment of the test's choice."""

    folder: Path = CUSTOMIZATION
    now: Callable[[], datetime] = field(default=lambda: NOON)

    def health(self, obj: Object) -> Object:
        """Status and message."""
        found = self._run(self.folder / "health.lua", obj, {})
        assert isinstance(found, dict), found
        assert found["status"] in HEALTH_STATES, found
        return found

    def actions(self, obj: Object) -> dict[str, Object]:
        """The actions that discovery offers, by name."""
        found = self._run(self.folder / "actions" / "discovery.lua", obj, {})
        assert isinstance(found, dict), found
        return found

    def act(self, action: str, obj: Object, **parameters: str) -> Object:
        """The object as an action wants it. Raises ScriptFailed."""
        wanted = self._run(self.folder / "actions" / action / "action.lua", obj, parameters)
        assert isinstance(wanted, dict), wanted
        return _with_empty_maps(wanted, obj)

    def patch(self, action: str, obj: Object, **parameters: str) -> Object:
        """The merge patch that Argo CD sends for an action."""
        return merge_patch(obj, self.act(action, obj, **parameters))

    def _run(self, script: Path, obj: Object, parameters: Mapping[str, str]) -> Any:
        lua = lua51.LuaRuntime(register_eval=False, register_builtins=False)
        lua.execute(_SANDBOX, lambda *given: self._date(lua, *given), self._time)
        lua.globals()["obj"] = _to_lua(lua, obj)
        lua.globals()["actionParams"] = _to_lua(lua, dict(parameters))
        try:
            return _from_lua(lua.execute(script.read_text()))
        except lua51.LuaError as error:
            raise ScriptFailed(str(error).removeprefix("error: ")) from error

    def _time(self) -> int:
        return int(self.now().timestamp())

    def _date(self, lua: Any, *given: str) -> Any:
        """``os.date``: without "!" or with a time to format, Argo CD's answers in local time."""
        (form,) = given
        assert form.startswith("!"), "local time depends on the server"
        now = self.now().astimezone(UTC)
        if form == "!*t":
            fields = {"year": now.year, "month": now.month, "day": now.day}
            return lua.table_from(fields | {"hour": now.hour, "min": now.minute, "sec": now.second})
        assert {part[0] for part in form[1:].split("%")[1:]} <= DATE_FLAGS, form
        return now.strftime(form[1:])


def merge_patch(before: Object, after: Object) -> Object:
    """The JSON merge patch that makes one object of another (RFC 7386)."""
    patch: Object = dict.fromkeys(before.keys() - after.keys())
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := merge_patch(old, value):
                patch[name] = inner
        elif value != old:
            patch[name] = value
    return patch


def _to_lua(lua: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return lua.table_from({name: _to_lua(lua, one) for name, one in value.items()})
    if isinstance(value, list):
        return lua.table_from([_to_lua(lua, one) for one in value])
    return value


def _from_lua(value: Any) -> Any:
    """A table as JSON: an empty one is a list, as gopher-json has it."""
    if lua51.lua_type(value) != "table":
        return value
    items = list(value.items())
    if all(isinstance(key, int) for key, _ in items):
        assert [key for key, _ in items] == list(range(1, len(items) + 1)), "a list with holes"
        return [_from_lua(one) for _, one in items]
    assert all(isinstance(key, str) for key, _ in items), "keys of two types"
    return {key: _from_lua(one) for key, one in items}


def _with_empty_maps(wanted: Object, live: Object) -> Object:
    """What was an empty map in the live object and came back as an empty list is put right."""
    for name in wanted.keys() & live.keys():
        if wanted[name] == [] and isinstance(live[name], dict):
            wanted[name] = live[name]
        else:
            _put_right(wanted[name], live[name])
    return wanted


def _put_right(wanted: Any, live: Any) -> None:
    if isinstance(wanted, dict) and isinstance(live, dict):
        _with_empty_maps(wanted, live)
    elif isinstance(wanted, list) and isinstance(live, list):
        for one, other in zip(wanted, live, strict=False):
            _put_right(one, other)
