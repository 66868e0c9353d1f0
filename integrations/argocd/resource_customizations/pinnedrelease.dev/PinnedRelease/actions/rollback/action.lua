-- Sets spec.override, as `pinrel rollback --override` does. Git does not mention that field, so a
-- sync leaves it alone, and it ends by itself when Git declares another digest.
-- revision: a number of status.history; without it, the newest earlier one that succeeded and is not rejected.
-- reason: for the history and for whoever is on call next.
local os = require("os")

local history = (obj.status or {}).history or {}
-- Argo CD before 3.1 has no parameters.
local parameters = actionParams or {}
local wanted = parameters["revision"]
local reason = parameters["reason"]

-- Revisions that somebody else than the operator has written are not believed: the right to write
-- a status must not become the right to choose what runs.
local function writer_of(revision)
  for _, entry in ipairs(obj.metadata.managedFields or {}) do
    if entry.subresource == "status" and entry.manager ~= "pinnedrelease-controller" then
      local status = (entry.fieldsV1 or {})["f:status"] or {}
      local revisions = status["f:history"] or {}
      if revisions['k:{"revision":' .. revision.revision .. '}'] ~= nil then
        return entry.manager
      end
    end
  end
  return nil
end

local function named(number)
  for _, revision in ipairs(history) do
    if revision.revision == number then
      return revision
    end
  end
  error("there is no revision " .. number .. " in status.history", 0)
end

local function rejection_of(digest)
  for _, rejected in ipairs(obj.spec.rejectedDigests or {}) do
    if rejected.digest == digest then
      return rejected
    end
  end
  return nil
end

local function previous()
  local current = (obj.status or {}).digest or obj.spec.digest
  for _, revision in ipairs(history) do
    if revision.digest ~= current and revision.digest ~= obj.spec.digest
      and revision.repository == obj.spec.repository
      and revision.result == "Succeeded" and writer_of(revision) == nil
      and rejection_of(revision.digest) == nil then
      return revision
    end
  end
  error("no earlier revision is known to have succeeded; name one", 0)
end

local function check(revision)
  local what = "revision " .. revision.revision .. " (" .. revision.tag .. ", "
    .. revision.digest .. ")"
  local writer = writer_of(revision)
  if writer ~= nil then
    error(what .. " was written by " .. writer .. " and not by the operator", 0)
  end
  if revision.digest == obj.spec.digest then
    error(what .. " is what the spec declares; to end an override, clear it", 0)
  end
  if revision.repository ~= obj.spec.repository then
    error(what .. " is of another repository: " .. revision.repository, 0)
  end
  if revision.digestMissingTime ~= nil then
    error(what .. " is gone from the registry since " .. revision.digestMissingTime
      .. "; if nodes have it: pinrel rollback --override --force", 0)
  end
  local rejected = rejection_of(revision.digest)
  if rejected ~= nil then
    error(what .. " is in spec.rejectedDigests: " .. rejected.reason, 0)
  end
  return revision
end

local function two(number)
  return number < 10 and "0" .. number or "" .. number
end

-- Step by step: the os.date of Argo CD formats a time that it is given in the server's own zone.
local function this_time_tomorrow()
  local at = os.date("!*t")
  local leap = at.year % 4 == 0 and (at.year % 100 ~= 0 or at.year % 400 == 0)
  local days = {31, leap and 29 or 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
  at.day = at.day + 1
  if at.day > days[at.month] then
    at.day = 1
    at.month = at.month + 1
  end
  if at.month > 12 then
    at.month = 1
    at.year = at.year + 1
  end
  return at.year .. "-" .. two(at.month) .. "-" .. two(at.day) .. "T"
    .. two(at.hour) .. ":" .. two(at.min) .. ":" .. two(at.sec) .. "Z"
end

local target
if wanted == nil or wanted == "" then
  target = previous()
elseif tonumber(wanted) == nil then
  error("revision must be a number of status.history, not " .. wanted, 0)
else
  target = named(tonumber(wanted))
end
check(target)
if reason == nil or reason == "" then
  reason = "rolled back to revision " .. target.revision .. " in Argo CD"
end
obj.spec.override = {
  digest = target.digest,
  insteadOf = obj.spec.digest,
  reason = reason,
  tag = target.tag,
  expireTime = this_time_tomorrow()
}
return obj
