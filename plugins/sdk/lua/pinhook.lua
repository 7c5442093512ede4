---@meta pinhook
-- What pinhook gives to Lua hooks, for the Lua language server: add this folder to `workspace.library`.

---The request. Edits count in place; returning the request does no harm.
---@class pinhook.Request
---@field headers table<string, string> first values by canonical name (`X-User`), with `Host`; read only
---@field set_headers table<string, string> headers to set; each replaces all values
---@field delete_headers string[] headers to remove, before others are set
---@field body string the body if it is text and `raw_body_only` is off; read only
---@field raw_body string the body; set it to send another one
---@field url string path and query, with the listen path; its query cannot be edited here
---@field params table<string, string> first values of the query; read only
---@field add_params table<string, string> parameters to set; each replaces all values
---@field delete_params string[] parameters to remove
---@field method string
---@field request_uri string read only
---@field scheme "http"|"https" read only
---@field return_overrides pinhook.ReturnOverrides
---@field set_header fun(name: string, value: string|number)
---@field set_target fun(url: string) sends this one request elsewhere

---An answer instead of the upstream's.
---@class pinhook.ReturnOverrides
---@field response_code integer above 0 answers; from 400 on the body is the message of the error template
---@field response_error? string before `response_body`
---@field response_body? string
---@field override_error? boolean the body as it is, whatever the code
---@field headers? table<string, string>

---The session of who calls. What is zero or empty is nil.
---@class pinhook.Session
---@field alias? string
---@field rate? number
---@field per? number
---@field quota_max? integer -1 is no quota
---@field quota_renews? integer
---@field quota_remaining? integer
---@field quota_renewal_rate? integer
---@field expires? integer
---@field org_id? string
---@field access_rights? table<string, table>
---@field apply_policies? string[]
---@field metadata? table<string, string>
---@field tags? string[]
---@field is_inactive? boolean
---@field session_lifetime? integer
---@field [string] any

---@class pinhook.Spec
---@field APIID string
---@field OrgID string
---@field bundle_hash string
---@field config_data? string JSON text

---The upstream's answer, for response hooks.
---@class pinhook.Response
---@field status_code integer
---@field raw_body string set it to send another one
---@field body string read only
---@field headers table<string, string> first values; an edit is carried over into `multivalue_headers`
---@field multivalue_headers {key: string, values: string[]}[]

---What a virtual endpoint returns.
---@class pinhook.Answer
---@field status? integer 200 if absent; `code` means the same
---@field headers? table<string, string|string[]>
---@field body? string

---@class pinhook.Call
---@field url? string `http(s)://…`, or `tyk://api_id_or_name/path` for an API of this gateway
---@field method? string GET if absent
---@field headers? table<string, string|string[]>
---@field body? string
---@field timeout? integer milliseconds

---@class pinhook.Reply
---@field status integer 0 if there was no answer
---@field headers table<string, string[]>
---@field body string
---@field error? string why there was no answer

---@param url string
---@param options? pinhook.Call
---@return pinhook.Reply
function call(url, options) end

---Asks for all at once; replies in order.
---@param calls pinhook.Call[]
---@return pinhook.Reply[]
function call_all(calls) end

callAll = call_all

---@param text string
---@return string
function b64enc(text) end

---@param text string
---@return string? bytes
---@return string? problem
function b64dec(text) end

---@param message any
---@param level? "debug"|"info"|"warning"|"error"
function log(message, level) end

---@class pinhook.Gateway
tyk = {}

---@param message any
---@param level? "debug"|"info"|"warning"|"error"
function tyk.log(message, level) end

---@param message any
function tyk.log_error(message) end

---Keeps a value for all gateways.
---@param key string
---@param value string
---@param ttl integer seconds; 0 is for ever
function tyk.store_data(key, value, ttl) end

---@param key string
---@return string?
function tyk.get_data(key) end

---@param name string
---@param payload string
function tyk.trigger_event(name, payload) end

TykGateway = tyk

---@class cjson
---@field null lightuserdata
---@field array_mt table
---@field empty_array table
cjson = {}

---@param value any
---@return string
function cjson.encode(value) end

---@param text string
---@return any
function cjson.decode(text) end

---@param yes? boolean
---@return boolean
function cjson.encode_empty_table_as_object(yes) end
