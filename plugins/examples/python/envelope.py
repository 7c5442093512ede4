# A post hook, last before the upstream: wraps a JSON body, and edits method and query.
#
# "custom_middleware": {"driver": "python", "post": [{"name": "Envelope", "path": "envelope.py", "raw_body_only": true}]}
import json

from tyk.decorators import *


@Hook
def Envelope(request, session, spec):
    body = request.object.raw_body
    if body:
        request.object.raw_body = json.dumps({"api": spec["APIID"], "data": json.loads(body)}).encode()
    if request.object.method == "PATCH":
        request.object.method = "POST"
        request.add_header("X-HTTP-Method-Override", "PATCH")
    request.delete_param("debug")
    request.add_param("via", "gateway")
    return request, session
