"""The worker: runs hooks one at a time, and others while one waits for a call that it made.

One thread has the *turn*: it reads frames and runs hooks. One that waits for the gateway in `call` gives the turn to
another and gets it back with the answer."""

import gc
import importlib.util
import json
import os
import select
import signal
import sys
import threading
import time
from _thread import allocate_lock, get_ident, start_new_thread
from collections import deque

from pinhook_gateway import TykGateway
from pinhook_objects import (
    CoProcessObject,
    MiniRequestObject,
    Request,
    ResponseObject,
    SessionState,
    StringMap,
)
from pinhook_wire import (
    ANSWER,
    ASK,
    CALL,
    DEFINE,
    ERROR,
    FORGET,
    HELLO,
    LOG,
    RELOAD,
    REPLY,
    Wire,
)
from tyk.decorators import _Marked

PROTOCOL = 1
# Hooks that may wait for calls at once; beyond that a hook that calls holds the turn.
PARKED = 256
# How long the turn's thread may take to notice that the gateway is gone.
GRACE = 0.5
# How often a thread that waits looks whether it has to read.
LOOK = 0.005
# Names of Python's own modules; known from 3.10 on.
BUILT_IN = getattr(sys, "stdlib_module_names", sys.builtin_module_names)

REQUEST_KINDS = {
    "pre": "pre",
    "auth_check": "customkeycheck",
    "post_key_auth": "postkeyauth",
    "post": "post",
    "go_plugin": "post",
    "response": "response",
}


class GatewayError(Exception):
    """The gateway could not do what was asked."""


class Waiter:
    __slots__ = ("lock", "parked", "head", "parts")

    def __init__(self, parked):
        self.lock = allocate_lock()
        self.lock.acquire()
        self.parked = parked
        self.head = self.parts = None


class Worker:
    def __init__(self, wire, head):
        self.wire = wire
        self.module = None
        self.functions = {}
        self.apis = {}
        self.hooks = {}
        self.pending = deque()
        self.waiters = {}
        self.idle = []
        self.turn = get_ident()
        self.ready = False
        self.calls = {}
        self.asked = 0
        self.ids = threading.Lock()
        # Whoever holds it reads from the gateway.
        self.reading = allocate_lock()
        self.define(head)

    # What the gateway says.

    def define(self, head):
        for api in head.get("apis", ()):
            self.apis[api["id"]] = api.get("spec", {})
        for hook in head.get("hooks", ()):
            self.hooks[hook["id"]] = hook

    def forget(self, head):
        for api in head.get("apis", ()):
            self.apis.pop(api, None)
        for hook in head.get("hooks", ()):
            self.hooks.pop(hook, None)

    def run(self):
        """Has the turn until it is given away or the gateway is gone."""
        self.turn = get_ident()
        own = None
        receive, pending, reading = self.wire.receive, self.pending, self.reading
        while True:
            with reading:
                kind, id, hook, head, parts = pending.popleft() if pending else receive()
            if kind == CALL:
                self.call(id, hook, head, parts)
            elif kind == ANSWER:
                waiter = self.waiters.pop(id, None)
                if waiter is None:
                    continue
                waiter.parts, waiter.head = parts, head
                if not waiter.parked:
                    waiter.lock.release()
                    continue
                if own is None:
                    own = allocate_lock()
                    own.acquire()
                self.idle.append(own)
                waiter.lock.release()
                own.acquire()
                self.turn = get_ident()
            elif kind == DEFINE:
                self.define(head)
            elif kind == FORGET:
                self.forget(head)
            elif kind == RELOAD:
                self.reload()

    def start(self):
        try:
            self.run()
        except EOFError:
            leave()

    def reload(self):
        function = getattr(self.module, "pinhook_on_reload", None)
        if function is not None:
            try:
                function()
            except BaseException as error:
                self.log("error", "pinhook_on_reload failed\n" + describe(error)["traceback"])

    # Calls.

    def call(self, id, hook, head, parts):
        thread = get_ident()
        self.calls[thread] = id
        try:
            known = self.hooks[hook]
            function = known.get("run")
            if function is None:
                function = known["run"] = self.prepare(known)
            reply, bodies = function(head, parts)
            self.wire.send(REPLY, id, reply, bodies)
        except EOFError:
            raise
        except BaseException as error:
            self.wire.send(ERROR, id, describe(error))
        finally:
            del self.calls[thread]

    def prepare(self, hook):
        """The function that does a call of this hook, with all that is the same for all its calls."""
        kind, name = hook["kind"], hook["function"]
        marked = self.functions.get(name)
        if marked is None:
            raise LookupError("Hook is not defined: %s" % name)
        spec = self.apis.get(hook["api"], {})
        user, count = marked.function, marked.arg_count
        if kind == "analytics":
            return lambda head, parts: record_call(user, count, head, spec)
        if kind == "event":
            return lambda head, parts: event_call(user, count, head, spec)
        raw_only = hook.get("raw_body_only", False)
        auth, response = kind == "auth_check", kind == "response"

        def run(head, parts):
            message = head["request"]
            if parts and parts[0]:
                message["raw_body"] = parts[0]
                message["_raw_only"] = raw_only
            message = MiniRequestObject._of(message)
            request = Request(message)
            session = SessionState._of(head.get("session") or {})
            answer = None
            if response or count == 5:
                answer = head.get("response") or {}
                if len(parts) > 1 and parts[1]:
                    answer["raw_body"] = parts[1]
                    answer["_raw_only"] = raw_only
                answer = ResponseObject._of(answer)
            if count == 3:
                user(request, session, StringMap(spec))
            elif count == 4:
                user(request, session, session.metadata, StringMap(spec))
            else:
                user(request, answer, session, session.metadata, StringMap(spec))
            if response:
                return response_edits(answer)
            reply, bodies = request_edits(request, message)
            if auth:
                held = session._plain()
                if held:
                    reply["session"] = held
            return reply, bodies

        return run

    # What hooks ask for.

    def log(self, level, text):
        head = {"level": level, "text": text}
        call = self.calls.get(get_ident())
        if call:
            head["call"] = call
        self.wire.send(LOG, 0, head)

    def tell(self, head):
        self.wire.send(ASK, 0, head)

    def ask(self, head, parts, parked=False):
        thread = get_ident()
        has_turn = thread == self.turn
        call = self.calls.get(thread, 0)
        if call:
            head["call"] = call
        parked = parked and has_turn and call != 0 and self.ready and len(self.waiters) < PARKED
        if parked:
            head["parked"] = True
        with self.ids:
            self.asked = id = self.asked % 0xFFFFFFFF + 1
        waiter = self.waiters[id] = Waiter(parked)
        self.wire.send(ASK, id, head, parts)
        if parked:
            self.pass_turn()
            waiter.lock.acquire()
            self.turn = thread
        else:
            self.wait(waiter, has_turn)
        error = waiter.head.get("error")
        if error:
            raise GatewayError(error)
        return waiter.head, waiter.parts

    def pass_turn(self):
        if self.idle:
            self.idle.pop().release()
        else:
            start_new_thread(self.start, ())

    def wait(self, waiter, has_turn):
        """Waits for an answer while others wait, too: who has the turn is in a hook, so any thread may have to read."""
        lock, reading = waiter.lock, self.reading
        while not lock.acquire(False):
            # What is read already is for who has the turn, and he is about to take it.
            his = not has_turn and self.pending and self.turn not in self.calls
            if not his and reading.acquire(False):
                try:
                    if waiter.head is None:
                        self.deliver(self.wire.receive())
                finally:
                    reading.release()
            else:
                lock.acquire(True, LOOK)
                if waiter.head is not None:
                    return

    def deliver(self, frame):
        """Gives an answer to the thread that waits for it; everything else is kept for who has the turn."""
        kind, id, _, head, parts = frame
        waiter = self.waiters.get(id) if kind == ANSWER else None
        if waiter is None or waiter.parked:
            self.pending.append(frame)
            return
        del self.waiters[id]
        waiter.parts, waiter.head = parts, head
        waiter.lock.release()


def request_edits(request, message):
    """What a hook changed of the request, and its body."""
    held, raw = message.__dict__, message._raw
    edits = {}
    for name in ("set_headers", "delete_headers", "add_params", "delete_params"):
        value = held.get(name)
        if value:
            edits[name] = value
    for name in ("url", "method"):
        value = held.get(name)
        if value is not None and value != raw.get(name):
            edits[name] = value
    overrides = held.get("return_overrides")
    if overrides is not None:
        overrides = overrides._plain()
        if overrides:
            edits["return_overrides"] = overrides
    reply = {"request": edits} if edits else {}
    if request._target is not None:
        reply["target"] = request._target
    body = held.get("raw_body")
    if body is not None and body is not raw.get("raw_body"):
        return reply, (body,)
    return reply, ()


def response_edits(message):
    """What a hook changed of the response, and its body."""
    held, raw = message.__dict__, message._raw
    edits = {}
    status = held.get("status_code")
    if status is not None and status != raw.get("status_code"):
        edits["status_code"] = status
    headers = held.get("headers")
    if headers is not None and headers != raw.get("headers"):
        edits["headers"] = headers
    values = held.get("multivalue_headers")
    if values is not None:
        edits["multivalue_headers"] = [value._plain() for value in values]
    reply = {"response": edits} if edits else {}
    body = held.get("raw_body")
    if body is not None and body is not raw.get("raw_body"):
        return reply, (None, body)
    return reply, ()


def record_call(user, count, head, spec):
    record = head["record"]
    before = json.loads(json.dumps(record))
    if count == 1:
        user(record)
    else:
        user(record, StringMap(spec))
    edits = {name: value for name, value in record.items() if name not in before or before[name] != value}
    return ({"record": edits} if edits else {}), ()


def event_call(user, count, head, spec):
    event = head["event"]
    if count == 1:
        user(event)
    else:
        user(event, StringMap(spec))
    return {}, ()


def describe(error):
    """An exception as the gateway is told of it, without the frames that are ours."""
    import traceback

    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith("<pinhook>"):
        trace = trace.tb_next
    lines = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()
    message = lines[-1] if lines else type(error).__name__
    frames = [frame for frame in traceback.extract_tb(trace) if not frame.filename.startswith("<")]
    if isinstance(error, SyntaxError) and error.filename:
        message += " (%s:%s)" % (os.path.basename(error.filename), error.lineno)
    elif frames:
        message += " (%s:%s)" % (os.path.basename(frames[-1].filename), frames[-1].lineno)
    return {"message": message, "traceback": "".join(traceback.format_exception(type(error), error, trace))}


def load(worker, path, folders):
    """Imports the plugin's module. Whatever lies beside it can be imported by it."""
    folder, name = os.path.split(os.path.abspath(path))
    sys.path[0:1] = [folder] + [one for one in folders if one != folder]
    sys.argv = [path]
    name = os.path.splitext(name)[0]
    if name in sys.modules or name in BUILT_IN:
        # One that is called like a module of Python's, or of ours, must not take its place.
        name = "plugin_" + name
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("%s is no Python file: its name has to end in .py" % path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    worker.module = module
    for value in list(vars(module).values()):
        if isinstance(value, _Marked):
            worker.functions[value.name] = value


def files(folder):
    """The files of the plugin itself: what was imported from its folder."""
    folder = os.path.join(os.path.abspath(folder), "")
    found = []
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and path.startswith(folder):
            found.append(path)
    return found


def leave():
    """Ends the process from whichever thread."""
    import atexit

    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)


def watch(descriptor):
    """Ends a process whose gateway is gone, even one that hangs in a hook."""
    watched = select.poll()
    watched.register(descriptor, 0)
    while not watched.poll():
        pass
    time.sleep(GRACE)
    os._exit(1)


def main(connection, head):
    wire = Wire(connection)
    worker = Worker(wire, head)
    TykGateway._worker = worker
    # The gateway ends a worker by its connection; a signal for the whole group is not for it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    start_new_thread(watch, (connection.fileno(),))
    path = head["settings"]["path"]
    try:
        load(worker, path, head["settings"].get("folders", ()))
    except BaseException as error:
        wire.send(ERROR, 0, describe(error))
        leave()
    functions = {
        name: {"kinds": list(marked.kinds), "parameters": marked.arg_count}
        for name, marked in worker.functions.items()
    }
    hello = {
        "protocol": PROTOCOL,
        "language": "python " + sys.version.split()[0],
        "concurrent": False,
        "functions": functions,
        "files": files(os.path.dirname(os.path.abspath(path))),
    }
    try:
        wire.send(HELLO, 0, hello)
    except OSError:
        # Nobody wants it any more: no function of it is what a definition names.
        leave()
    worker.ready = True
    # Needed when a hook fails; not before, for it takes a while.
    import traceback  # noqa: F401

    # What was loaded stays: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    worker.start()
