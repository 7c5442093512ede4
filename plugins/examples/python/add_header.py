# The smallest hook: sets a header.
#
# "custom_middleware": {"driver": "python", "pre": [{"name": "AddHeader", "path": "add_header.py"}]}
from tyk.decorators import *


@Hook
def AddHeader(request, session, spec):
    request.add_header("Foo", "Bar")
    return request, session
