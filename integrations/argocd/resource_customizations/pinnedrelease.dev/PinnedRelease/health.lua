-- The status is in kstatus form: Ready, Reconciling and Stalled, and observedGeneration is never
-- ahead of what has been done. Every state: docs/conditions.md of PinnedRelease.
local function health(status, message)
  return {status = status, message = message}
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "being deleted; what runs stays as it is")
end

-- Before all else: what an older generation was stalled by says nothing about this one.
local status = obj.status or {}
if status.conditions == nil or status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "the operator has not acted on generation "
    .. tostring(obj.metadata.generation) .. " yet")
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end

local function is_true(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end

local ready = conditions["Ready"] or {status = "Unknown", message = "Ready is not told yet"}

if is_true("Stalled") then
  return health("Degraded", conditions["Stalled"].message)
end
if obj.spec.suspend == true then
  return health("Suspended", ready.message)
end
if is_true("Reconciling") then
  return health("Progressing", conditions["Reconciling"].message)
end
-- An override waits for somebody to declare a good digest.
if is_true("RolledBack") then
  return health("Suspended", conditions["RolledBack"].message)
end
if ready.status == "True" then
  return health("Healthy", ready.message)
end
if ready.status == "False" then
  return health("Degraded", ready.message)
end
return health("Progressing", ready.message)
