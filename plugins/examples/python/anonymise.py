# An analytics hook (not in Tyk, which has them for Go only): addresses lose their host part, recordings go.
#
# "analytics_plugin": {"enable": true, "plugin_path": "anonymise.py", "func_name": "Anonymise",
#                      "pinhook": {"driver": "python"}}
from tyk.decorators import *


@Analytics
def Anonymise(record):
    address = record["ip_address"]
    if "." in address:
        record["ip_address"] = address.rsplit(".", 1)[0] + ".0"
    else:
        record["ip_address"] = ":".join(address.split(":")[:4]) + "::"
    record["raw_request"] = record["raw_response"] = ""
    record["tags"].append("anonymised")
