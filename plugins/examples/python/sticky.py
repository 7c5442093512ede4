# Sticky sessions: a header or a cookie says which backend this client belongs to.
#
# "config_data": {"sticky": {"table": {"blue": "http://10.0.0.7:9000", "green": "http://10.0.0.8:9000"}}}
#
# A request with the header `X-Sticky: blue`, or with the cookie `sticky=blue`, goes to http://10.0.0.7:9000; the header
# wins. Any other goes to the API's usual target. Only the target of this one request changes.
import json
from http.cookies import CookieError, SimpleCookie

from tyk.decorators import *


def cookie(request, name):
    try:
        found = SimpleCookie(request.get_header("Cookie") or "").get(name)
    except CookieError:
        return None
    return found.value if found else None


@Hook
def Sticky(request, session, spec):
    table = json.loads(spec["config_data"])["sticky"]["table"]
    target = table.get(request.get_header("X-Sticky") or cookie(request, "sticky"))
    if target:
        request.set_target(target)
    return request, session
