# An auth hook: tokens and what they may do come from `config_data`.
#
# "use_keyless": false, "custom_plugin_auth_enabled": true,
# "custom_middleware": {"driver": "python", "auth_check": {"name": "CheckToken", "path": "check_token.py"}},
# "config_data": {"tokens": {"s3cret": {"alias": "alice", "rate": 10, "per": 1}}}
#
# The token comes in `X-Token`. metadata["token"] names the key: its session is stored, and its limits are kept, under
# that name.
import json

from tyk.decorators import *


def refuse(request, code, text):
    request.object.return_overrides.response_code = code
    request.object.return_overrides.response_error = text


@Hook
def CheckToken(request, session, metadata, spec):
    token = request.get_header("X-Token")
    known = json.loads(spec["config_data"])["tokens"]
    if not token:
        refuse(request, 401, "X-Token is missing")
    elif token not in known:
        refuse(request, 403, "unknown token")
    else:
        session.alias = known[token]["alias"]
        session.rate, session.per = known[token]["rate"], known[token]["per"]
        session.quota_max = -1
        metadata["token"] = token
    return request, session, metadata
