"""Modules that lie on the path of plugins in Tyk, beside those of the package `tyk`: message classes as protoc makes them,
and the package's files without their package. They are made when something imports them and the plugin has none of that name."""

import importlib.machinery
import sys

import pinhook_objects as objects

MESSAGES = {
    "coprocess_object_pb2": {"Object": objects.Object, "Event": objects.Event, "EventReply": objects.EventReply},
    "coprocess_mini_request_object_pb2": {"MiniRequestObject": objects.MiniRequestObject},
    "coprocess_response_object_pb2": {"ResponseObject": objects.ResponseObject, "Header": objects.Header},
    "coprocess_return_overrides_pb2": {"ReturnOverrides": objects.ReturnOverrides},
    "coprocess_session_state_pb2": {
        name: getattr(objects, name)
        for name in ("SessionState", "AccessDefinition", "AccessSpec", "BasicAuthData", "JWTData", "Monitor")
    },
    "coprocess_common_pb2": {
        name: number
        for number, name in enumerate(("Unknown", "Pre", "Post", "PostKeyAuth", "CustomKeyCheck", "Response"))
    },
}
ALIASES = {name: "tyk." + name for name in ("decorators", "request", "session", "object")}


class Finder:
    """The last to be asked for a module."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in MESSAGES or name in ALIASES:
            return importlib.machinery.ModuleSpec(name, Finder, origin="<pinhook>/%s.py" % name)
        if name.startswith("tyk."):
            raise ImportError(
                "pinhook has no module %r: it is the inside of Tyk. Plugins may import tyk.decorators, tyk.gateway, "
                "tyk.request, tyk.session, tyk.object" % name,
                name=name,
            )
        return None

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        name = module.__name__
        if name in MESSAGES:
            module.__dict__.update(MESSAGES[name])
            return
        origin = sys.modules[ALIASES[name]].__dict__
        module.__dict__.update((key, value) for key, value in origin.items() if not key.startswith("__"))
        if "__all__" in origin:
            module.__all__ = origin["__all__"]


sys.meta_path.append(Finder)
