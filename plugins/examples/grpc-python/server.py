#!/usr/bin/env python3
"""A gRPC plugin server: one function per kind of hook. Usage: server.py ADDRESS

ADDRESS is host:port or unix:///path. The messages come from plugins/proto, see README.md."""
import json
import sys
import urllib.request
from concurrent import futures

import grpc

import coprocess_object_pb2 as coprocess
import coprocess_object_pb2_grpc as service

HOOKS = {}


def hook(function):
    """Makes a function known under its own name, which is what API definitions call it."""
    HOOKS[function.__name__] = function
    return function


def config(call):
    """config_data of the API definition; absent where there is none."""
    return json.loads(call.spec.get("config_data", "{}"))


@hook
def AddFooHeader(call):
    """pre: a header."""
    call.request.set_headers["Foo"] = "Bar"


@hook
def Sticky(call):
    """pre: sends this one request elsewhere. The gateway's pinhook.service_address_header names the header."""
    targets = config(call).get("targets", {})
    who = call.request.headers.get("X-User", "")
    if who in targets:
        call.request.set_headers["X-Service-Address"] = targets[who]


@hook
def CheckToken(call):
    """auth_check: who calls, and what they may do. The key of the session is the meta data "token"."""
    token = call.request.headers.get("Authorization", "")
    user = config(call).get("tokens", {}).get(token)
    if user is None:
        call.request.return_overrides.response_code = 401
        call.request.return_overrides.response_error = "unknown token"
        return
    call.session.alias = user
    call.session.rate, call.session.per = 1000, 1
    call.session.quota_max = -1
    call.metadata["token"] = token
    call.metadata["user"] = user


@hook
def TagCaller(call):
    """post_key_auth: the session can be read here. Edits of it do not count."""
    call.request.set_headers["X-Caller"] = call.session.alias
    call.request.set_headers["X-Caller-User"] = call.metadata["user"]


@hook
def Envelope(call):
    """post: another body. What is in raw_body goes upstream; body is only for reading."""
    if call.request.raw_body:
        call.request.raw_body = b'{"payload":' + call.request.raw_body + b"}"


@hook
def Aggregate(call):
    """pre, for a path of its own: asks several services at once and answers in the upstream's place."""
    sources = config(call).get("sources", {})
    with futures.ThreadPoolExecutor(len(sources) or 1) as pool:
        asked = {name: pool.submit(fetch, url) for name, url in sources.items()}
        answer = {name: work.result() for name, work in asked.items()}
    overrides = call.request.return_overrides
    overrides.response_code = 200
    overrides.response_body = json.dumps(answer)
    overrides.headers["Content-Type"] = "application/json"


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return {"status": answer.status, "body": answer.read().decode("utf-8", "replace")}
    except OSError as error:
        return {"status": getattr(error, "code", 0), "error": str(error)}


@hook
def MaskJson(call):
    """response: edits the answer. Touching headers carries the change over into multivalue_headers."""
    call.response.headers["X-Masked"] = "1"
    fields = config(call).get("mask", [])
    try:
        body = json.loads(call.response.raw_body)
    except ValueError:
        return
    for name in fields:
        if name in body:
            body[name] = "***"
    call.response.raw_body = json.dumps(body).encode()


@hook
def Anonymise(call):
    """analytics_plugin (pinhook only): the record is JSON in the meta data."""
    record = json.loads(call.metadata["record"])
    record["ip_address"] = ""
    record["tags"] = (record["tags"] or []) + ["anonymised"]
    call.metadata["record"] = json.dumps(record)


class Dispatcher(service.DispatcherServicer):
    def Dispatch(self, call, context):
        function = HOOKS.get(call.hook_name)
        if function is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "no hook " + call.hook_name)
        function(call)
        # The same object, edited: a new one would empty URL, method and body.
        return call

    def DispatchEvent(self, event, context):
        heard = json.loads(event.payload)
        print("event", heard["handler_name"], heard["message"]["Type"], flush=True)
        return coprocess.EventReply()


def main():
    server = grpc.server(futures.ThreadPoolExecutor(8))
    service.add_DispatcherServicer_to_server(Dispatcher(), server)
    server.add_insecure_port(sys.argv[1])
    server.start()
    print("listening on", sys.argv[1], flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
