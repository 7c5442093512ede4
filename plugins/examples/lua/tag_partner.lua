---@module 'pinhook'
-- Tells the upstream who calls, once that is known.
--
-- "custom_middleware": {"driver": "lua", "post_key_auth": [{"name": "TagPartner", "path": "tag_partner.lua"}]}
--
-- Edits of session and metadata do not count here: only an auth hook decides on them, as in Tyk.

---@param request pinhook.Request
---@param session pinhook.Session
---@param metadata table<string, string>
---@param spec pinhook.Spec
function TagPartner(request, session, metadata, spec)
  request.set_header("X-Alias", session.alias or "nobody")
  request.set_header("X-Tier", metadata.tier or "none")
end
