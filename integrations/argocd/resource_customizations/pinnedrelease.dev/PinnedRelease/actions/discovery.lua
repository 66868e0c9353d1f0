local deleting = obj.metadata.deletionTimestamp ~= nil
local suspended = obj.spec.suspend == true

-- Something else than what is declared must have run, or there is nothing to go back to.
local has_target = false
for _, revision in ipairs((obj.status or {}).history or {}) do
  if revision.digest ~= obj.spec.digest and revision.repository == obj.spec.repository then
    has_target = true
  end
end

local function action(enabled, icon, name)
  return {
    ["disabled"] = deleting or not enabled,
    ["iconClass"] = "fa fa-fw " .. icon,
    ["displayName"] = name
  }
end

local actions = {}
actions["suspend"] = action(not suspended, "fa-pause-circle", "Suspend")
actions["resume"] = action(suspended, "fa-play-circle", "Resume")
actions["reconcile"] = action(true, "fa-redo", "Reconcile")
actions["clear-override"] = action(obj.spec.override ~= nil, "fa-eraser", "Clear override")
-- While suspended too: to go back first and to resume then is the order that harms nobody.
actions["rollback"] = action(has_target, "fa-undo", "Roll back (override)")
actions["rollback"]["params"] = {{["name"] = "revision"}, {["name"] = "reason"}}
return actions
