# Answers by itself while `config_data` says so: 503, with the time after which to come again.
#
# "config_data": {"maintenance": {"on": true, "retry_after": 120}}
import json

from tyk.decorators import *


@Hook
def Maintenance(request, session, spec):
    config = json.loads(spec["config_data"])["maintenance"]
    if config["on"]:
        answer = request.object.return_overrides
        answer.response_code = 503
        answer.response_body = "back soon\n"
        answer.headers["Retry-After"] = str(config["retry_after"])
        # Without it the text is put into the error template.
        answer.override_error = True
    return request, session
