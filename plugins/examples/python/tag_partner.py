# A post_key_auth hook: reads the session of who calls, and tells the upstream.
#
# "custom_middleware": {"driver": "python", "post_key_auth": [{"name": "TagPartner", "path": "tag_partner.py"}]}
from tyk.decorators import *


@Hook
def TagPartner(request, session, metadata, spec):
    request.add_header("X-Partner", session.alias or "unknown")
    request.add_header("X-Tier", metadata.get("tier", "basic"))
    return request, session, metadata
