# An aggregator: asks two APIs of this gateway at once and joins their answers.
#
# "custom_middleware": {"driver": "python", "pre": [{"name": "Dashboard", "path": "dashboard.py"}]},
# "config_data": {"dashboard": {"orders": "tyk://orders/", "stock": "tyk://stock/"}}
#
# The APIs may be internal ones, which no client can reach; their own auth, limits and records apply. While a hook waits
# for them, its worker runs other calls.
import json

from gateway import TykGateway as tyk
from tyk.decorators import *


@Hook
def Dashboard(request, session, spec):
    config = json.loads(spec["config_data"])["dashboard"]
    user = request.get_header("X-User") or "nobody"
    names = ["orders", "stock"]
    urls = [config["orders"] + user, config["stock"]]
    replies = tyk.call_all([{"url": url, "headers": {"X-User": [user]}, "timeout": 1000} for url in urls])
    # A part that fails leaves a gap and a name, so the page still comes.
    page = {name: reply.json() if reply.status == 200 else None for name, reply in zip(names, replies)}
    page["user"] = user
    page["missing"] = [name for name in names if page[name] is None]
    answer = request.object.return_overrides
    answer.response_code = 502 if len(page["missing"]) == len(names) else 200
    answer.response_body = json.dumps(page)
    answer.headers["Content-Type"] = "application/json"
    answer.override_error = True
    return request, session
