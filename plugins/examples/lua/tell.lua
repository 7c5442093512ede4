---@module 'pinhook'
-- An event handler: logs who failed to authenticate.
--
-- "event_handlers": {"events": {"AuthFailure": [{"handler_name": "cp_dynamic_handler",
--                    "handler_meta": {"name": "Tell", "path": "tell.lua"}}]}}

---@param event table
---@param spec pinhook.Spec
function Tell(event, spec)
  tyk.log(("%s on %s from %s"):format(event.Type, spec.APIID, event.Meta.Origin or "?"), "warning")
end
