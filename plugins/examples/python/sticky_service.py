# As sticky.py, but an HTTP service knows where a user belongs.
#
# "config_data": {"sticky": {"service": "http://10.0.0.5:8000/where/", "fallback": "http://10.0.0.7:9000"}}
#
# The service is asked once a minute per user and worker, and answers with an address. When it does not answer in time,
# the fallback serves.
import json
import time

from gateway import TykGateway as tyk
from tyk.decorators import *

KEEP = 60
known = {}


def address(service, user):
    found, until = known.get(user, (None, 0))
    if until > time.monotonic():
        return found
    reply = tyk.call(service + user, timeout=200)
    if reply.status != 200:
        tyk.log("no address for %s: %s" % (user, reply.error or reply.status), "warning")
        return None
    known[user] = (reply.text.strip(), time.monotonic() + KEEP)
    return known[user][0]


@Hook
def StickyService(request, session, spec):
    config = json.loads(spec["config_data"])["sticky"]
    user = request.get_header("X-User")
    if user and user.isalnum():
        request.set_target(address(config["service"], user) or config["fallback"])
    return request, session
