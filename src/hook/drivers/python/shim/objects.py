"""The messages of rich plugins as plain objects that behave like the protobuf ones: attributes with defaults, map
fields as dicts, repeated fields as lists. What nobody reads is never made."""


class StringMap(dict):
    """A map field: a name that is missing is an empty text, and is there afterwards."""

    __slots__ = ()

    def __missing__(self, name):
        self[name] = ""
        return ""


class MessageMap(dict):
    """A map field of messages: one that is missing is made."""

    def __init__(self, kind, raw):
        super().__init__((name, kind._of(value)) for name, value in (raw or {}).items())
        self._kind = kind

    def __missing__(self, name):
        self[name] = value = self._kind()
        return value

    get_or_create = dict.__getitem__


class MessageList(list):
    """A repeated field of messages."""

    def __init__(self, kind, raw):
        super().__init__(kind._of(value) for value in raw or ())
        self._kind = kind

    def add(self, **values):
        value = self._kind(**values)
        self.append(value)
        return value


def texts(raw):
    return StringMap(raw or ())


def items(raw):
    return list(raw or ())


def maps(kind):
    return lambda raw: MessageMap(kind, raw)


def lists(kind):
    return lambda raw: MessageList(kind, raw)


def one(kind):
    return lambda raw: kind._of(raw or {})


_ACCEPTED = {
    str: (str,),
    bytes: (bytes, bytearray, memoryview),
    int: (int,),
    float: (int, float),
    bool: (bool, int),
}


class Message:
    """Fields come out of `_raw`, the JSON object that was sent, when they are first asked for."""

    _scalars = {}
    _parts = {}

    def __init__(self, **values):
        self.__dict__["_raw"] = {}
        for name, value in values.items():
            setattr(self, name, value)

    @classmethod
    def _of(cls, raw):
        self = cls.__new__(cls)
        self.__dict__["_raw"] = raw
        return self

    def __getattr__(self, name):
        cls = type(self)
        make = cls._parts.get(name)
        if make is not None:
            value = make(self._raw.get(name))
        elif name in cls._scalars:
            value = self._raw.get(name, cls._scalars[name])
        else:
            raise AttributeError("%s has no field %r" % (cls.__name__, name))
        self.__dict__[name] = value
        return value

    def __setattr__(self, name, value):
        cls = type(self)
        default = cls._scalars.get(name)
        if default is not None:
            kind = type(default)
            if not isinstance(value, _ACCEPTED[kind]):
                raise TypeError(
                    "%s.%s takes %s, not %s" % (cls.__name__, name, kind.__name__, type(value).__name__)
                )
            self.__dict__[name] = value if type(value) is kind else kind(value)
        elif name in cls._parts:
            part = cls._parts[name](None)
            if isinstance(value, Message):
                part = value
            elif isinstance(part, dict):
                part.update(value)
            elif isinstance(part, list):
                part.extend(value)
            else:
                raise TypeError("%s.%s cannot be assigned %s" % (cls.__name__, name, type(value).__name__))
            self.__dict__[name] = part
        else:
            raise AttributeError("%s has no field %r" % (cls.__name__, name))

    def __eq__(self, other):
        return type(self) is type(other) and self._plain() == other._plain()

    __hash__ = None

    def __repr__(self):
        return "%s(%r)" % (type(self).__name__, self._plain())

    def HasField(self, name):
        return bool(getattr(self, name))

    def ClearField(self, name):
        self._raw.pop(name, None)
        self.__dict__.pop(name, None)

    def CopyFrom(self, other):
        raw = other._plain()
        self.__dict__.clear()
        self.__dict__["_raw"] = raw

    def _plain(self):
        """All that is not a default, as it is sent."""
        plain = {}
        held = self.__dict__
        for name, value in self._raw.items():
            if name not in held:
                plain[name] = value
        for name, value in held.items():
            if name == "_raw":
                continue
            value = _plain(value)
            if value or value == 0 and name in self._raw:
                plain[name] = value
        return plain


def _plain(value):
    if isinstance(value, Message):
        return value._plain()
    if isinstance(value, MessageMap):
        return {name: part._plain() for name, part in value.items()}
    if isinstance(value, MessageList):
        return [part._plain() for part in value]
    return value


class ReturnOverrides(Message):
    _scalars = {"response_code": -1, "response_error": "", "override_error": False, "response_body": ""}
    _parts = {"headers": texts}


class _WithBody(Message):
    """`body` is the text of `raw_body`, made when somebody asks for it; editing it does nothing, as in Tyk."""

    def __getattr__(self, name):
        if name == "body":
            value = ""
            if not self._raw.get("_raw_only"):
                try:
                    value = self._raw.get("raw_body", b"").decode()
                except UnicodeDecodeError:
                    pass
            self.__dict__["body"] = value
            return value
        if name == "request_uri":
            return self._raw.get("request_uri") or self._raw.get("url", "")
        return super().__getattr__(name)


class MiniRequestObject(_WithBody):
    _scalars = {
        "body": "",
        "url": "",
        "method": "",
        "request_uri": "",
        "scheme": "http",
        "raw_body": b"",
    }
    _parts = {
        "headers": texts,
        "set_headers": texts,
        "delete_headers": items,
        "params": texts,
        "add_params": texts,
        "extended_params": texts,
        "delete_params": items,
        "return_overrides": one(ReturnOverrides),
    }


class Header(Message):
    _scalars = {"key": ""}
    _parts = {"values": items}


class ResponseObject(_WithBody):
    _scalars = {"status_code": 0, "raw_body": b"", "body": ""}
    _parts = {"headers": texts, "multivalue_headers": lists(Header)}


class AccessSpec(Message):
    _scalars = {"url": ""}
    _parts = {"methods": items}


class AccessDefinition(Message):
    _scalars = {"api_name": "", "api_id": ""}
    _parts = {"versions": items, "allowed_urls": lists(AccessSpec)}


class BasicAuthData(Message):
    _scalars = {"password": "", "hash": ""}


class JWTData(Message):
    _scalars = {"secret": ""}


class Monitor(Message):
    _parts = {"trigger_limits": items}


class SessionState(Message):
    _scalars = {
        "last_check": 0,
        "allowance": 0.0,
        "rate": 0.0,
        "per": 0.0,
        "expires": 0,
        "quota_max": 0,
        "quota_renews": 0,
        "quota_remaining": 0,
        "quota_renewal_rate": 0,
        "org_id": "",
        "oauth_client_id": "",
        "hmac_enabled": False,
        "hmac_secret": "",
        "is_inactive": False,
        "apply_policy_id": "",
        "data_expires": 0,
        "enable_detailed_recording": False,
        "alias": "",
        "last_updated": "",
        "id_extractor_deadline": 0,
        "session_lifetime": 0,
        "certificate": "",
        "max_query_depth": 0,
        "key_id": "",
        "post_expiry_action": "",
        "post_expiry_grace_period": 0,
    }
    _parts = {
        "access_rights": maps(AccessDefinition),
        "oauth_keys": texts,
        "basic_auth_data": one(BasicAuthData),
        "jwt_data": one(JWTData),
        "monitor": one(Monitor),
        "metadata": texts,
        "tags": items,
        "apply_policies": items,
    }


class Object(Message):
    """The whole call as a message. Hooks get its parts; this one is for code that makes its own, as in tests."""

    _scalars = {"hook_type": 0, "hook_name": ""}
    _parts = {
        "request": one(MiniRequestObject),
        "session": one(SessionState),
        "metadata": texts,
        "spec": texts,
        "response": one(ResponseObject),
    }


class Event(Message):
    _scalars = {"payload": ""}


class EventReply(Message):
    pass


class Request:
    """What hooks get as `request`. `object` is the message itself."""

    __slots__ = ("object", "_target")

    def __init__(self, message):
        self.object = message
        self._target = None

    def get_header(self, name):
        return self.object.headers.get(name)

    def add_header(self, name, value):
        self.object.set_headers[_text(name)] = _text(value)

    def delete_header(self, name):
        self.object.delete_headers.append(_text(name))

    def add_param(self, name, value):
        self.object.add_params[_text(name)] = _text(value)

    def delete_param(self, name):
        self.object.delete_params.append(_text(name))

    def set_target(self, url):
        """Sends this one request to another upstream: an absolute URL, or host:port."""
        self._target = _text(url)


def _text(value):
    if not isinstance(value, str):
        raise TypeError("expected str, not %s" % type(value).__name__)
    return value


class CoProcessObject:
    """The whole call (`TykCoProcessObject`)."""

    __slots__ = ("request", "response", "session", "metadata", "spec", "hook_name", "hook_type")
