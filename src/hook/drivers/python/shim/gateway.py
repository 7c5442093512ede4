"""What hooks may ask of the gateway: `from gateway import TykGateway as tyk`."""

import json


class Reply:
    """The answer to a call. A call that failed has status 0 and says why in `error`."""

    __slots__ = ("status", "headers", "body", "error")

    def __init__(self, status, headers, body, error):
        self.status = status
        self.headers = headers
        self.body = body
        self.error = error

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body.decode())

    def header(self, name):
        """The first value of a header, in whatever case it is written; None if there is none."""
        for known, values in self.headers.items():
            if known.lower() == name.lower():
                return values[0] if values else None
        return None

    def __repr__(self):
        return "Reply(status=%r, error=%r)" % (self.status, self.error)


def _bytes(value):
    if isinstance(value, str):
        return value.encode()
    return bytes(value)


def _wanted(call):
    unknown = set(call) - {"url", "method", "headers", "body", "timeout"}
    if unknown:
        raise TypeError("a call has no %s" % ", ".join(sorted(unknown)))
    wanted = {"url": call["url"], "method": call.get("method") or "GET", "headers": call.get("headers") or {}}
    if call.get("timeout"):
        wanted["timeout_ms"] = int(call["timeout"])
    body = call.get("body")
    if body is not None and body != "" and body != b"":
        wanted["body"] = True
        return wanted, _bytes(body)
    return wanted, None


class TykGateway:
    """All of it may be called from any hook, and from threads of the plugin."""

    _worker = None

    @classmethod
    def log(cls, message, level="info"):
        """A line in the gateway's log; level is debug, info, warning or error."""
        cls._worker.log(str(level).lower(), str(message))

    @classmethod
    def log_error(cls, message):
        cls.log(message, "error")

    @classmethod
    def store_data(cls, key, value, ttl=0):
        """Keeps a value for all gateways, for `ttl` seconds; 0 is for ever."""
        head = {"ask": "store_data", "key": str(key), "ttl": int(ttl)}
        cls._worker.ask(head, [_bytes(value)])

    @classmethod
    def get_data(cls, key):
        """The bytes kept under a key; None if there are none."""
        _, parts = cls._worker.ask({"ask": "get_data", "key": str(key)}, [])
        return parts[0] if parts else None

    @classmethod
    def trigger_event(cls, name, payload):
        """Fires an event for the handlers of the gateway's configuration."""
        if not isinstance(payload, str):
            payload = json.dumps(payload)
        cls._worker.tell({"ask": "trigger_event", "name": str(name), "payload": payload})

    @classmethod
    def call(cls, url, options=None, **more):
        """Calls `http(s)://…` or `tyk://api_id_or_name/path`. Options: method, headers, body, timeout (milliseconds).
        It never raises for a call that failed: the reply says so."""
        return cls.call_all([dict(options or {}, url=url, **more)])[0]

    @classmethod
    def call_all(cls, calls):
        """Makes several calls at once: a list of dicts with url and the options of `call`. Replies are in that order."""
        wanted, bodies = [], []
        for one in calls:
            head, body = _wanted(one)
            wanted.append(head)
            if body is not None:
                bodies.append(body)
        if not wanted:
            return []
        head, parts = cls._worker.ask({"ask": "call", "calls": wanted}, bodies, parked=True)
        replies = head.get("replies", [])
        return [
            Reply(reply["status"], reply["headers"], parts[n] if n < len(parts) else b"", reply["error"])
            for n, reply in enumerate(replies)
        ]

    callAll = call_all


call = TykGateway.call
call_all = TykGateway.call_all
