"""Frames of the worker protocol (docs/worker-protocol.md)."""

import json
import struct
import threading

HELLO, DEFINE, FORGET, CALL, REPLY, ERROR = 2, 3, 4, 5, 6, 7
RELOAD, SHUTDOWN, LOG, ASK, ANSWER = 9, 10, 11, 12, 13

_FIXED = struct.Struct("<IBBHIII")
_LENGTH = struct.Struct("<I")
_ABSENT = 0xFFFFFFFF
_READ = 262144
_SMALL = 65536

# `loads` looks at its argument's type and for white space around it; frames have neither.
_scan = json.JSONDecoder().scan_once
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Wire:
    def __init__(self, connection):
        self._connection = connection
        self._receive = connection.recv
        self._sendall = connection.sendall
        self._lock = threading.Lock()
        self._buffer = b""
        self._at = 0

    def send(self, kind, id, head, parts=()):
        text = _encode(head).encode("utf-8", "surrogatepass") if head else b""
        size = 16 + 4 * len(parts) + len(text)
        if not parts:
            frame = _FIXED.pack(size, kind, 0, 0, id, 0, len(text)) + text
            with self._lock:
                self._sendall(frame)
            return
        lengths = b""
        for part in parts:
            if part is None:
                lengths += _LENGTH.pack(_ABSENT)
            else:
                lengths += _LENGTH.pack(len(part))
                size += len(part)
        frame = _FIXED.pack(size, kind, len(parts), 0, id, 0, len(text)) + lengths + text
        if size < _SMALL:
            frame += b"".join([part for part in parts if part])
            parts = ()
        with self._lock:
            self._sendall(frame)
            for part in parts:
                if part:
                    self._sendall(part)

    def receive(self):
        """The next frame: type, id, hook, head, parts. EOFError when the gateway is gone."""
        while True:
            buffer, at = self._buffer, self._at
            have = len(buffer) - at
            if have >= 20:
                length, kind, count, _, id, hook, size = _FIXED.unpack_from(buffer, at)
                end = at + length + 4
                if end <= len(buffer):
                    self._at = end
                    at += 20
                    if not count:
                        head = _scan(buffer[at:end].decode(), 0)[0] if size else {}
                        return kind, id, hook, head, ()
                    head, parts = self._body(buffer, at, count, size)
                    return kind, id, hook, head, parts
                if length > _READ:
                    self._buffer = self._large(length + 4)
                    self._at = 0
                    continue
            piece = self._receive(_READ)
            if not piece:
                raise EOFError
            self._buffer = buffer[at:] + piece if have else piece
            self._at = 0

    @staticmethod
    def _body(buffer, at, count, size):
        lengths = struct.unpack_from("<%dI" % count, buffer, at)
        at += 4 * count
        head = _scan(buffer[at : at + size].decode(), 0)[0] if size else {}
        at += size
        parts = []
        for length in lengths:
            if length == _ABSENT:
                parts.append(None)
            else:
                parts.append(buffer[at : at + length])
                at += length
        return head, parts

    def _large(self, total):
        """The whole of a large frame, read into one place. Nothing of the next one is taken."""
        frame = bytearray(total)
        held = self._buffer[self._at :]
        frame[: len(held)] = held
        view, filled = memoryview(frame), len(held)
        while filled < total:
            count = self._connection.recv_into(view[filled:])
            if not count:
                raise EOFError
            filled += count
        view.release()
        return bytes(frame)
