# An event handler: logs who failed to authenticate, and counts it for all gateways.
#
# "event_handlers": {"events": {"AuthFailure": [{"handler_name": "cp_dynamic_handler",
#                                                "handler_meta": {"name": "Tell", "path": "tell.py"}}]}}
from gateway import TykGateway as tyk
from tyk.decorators import *


@Event
def Tell(event, spec):
    meta = event["Meta"]
    tyk.log("%s by %s at %s of %s" % (event["Type"], meta["Origin"], meta["Path"], spec["APIID"]), "warning")
    count = int(tyk.get_data("auth-failures") or 0) + 1
    tyk.store_data("auth-failures", str(count), 3600)
