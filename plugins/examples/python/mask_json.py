# A response hook: puts stars into fields of JSON answers.
#
# "custom_middleware": {"driver": "python", "response": [{"name": "MaskJson", "path": "mask_json.py"}]},
# "config_data": {"mask": ["card", "iban"]}
import json

from tyk.decorators import *


def mask(value, names):
    if isinstance(value, dict):
        return {name: "***" if name in names else mask(inner, names) for name, inner in value.items()}
    if isinstance(value, list):
        return [mask(inner, names) for inner in value]
    return value


@Hook
def MaskJson(request, response, session, metadata, spec):
    if response.headers.get("Content-Type", "").startswith("application/json"):
        names = set(json.loads(spec["config_data"])["mask"])
        response.raw_body = json.dumps(mask(json.loads(response.raw_body), names)).encode()
        response.headers["X-Masked"] = "yes"
    return response
