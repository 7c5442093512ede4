# The start of a Python worker of pinhook: takes the first frame from descriptor 3 and the rest of the worker out of it.
# `_socket` alone: `socket` takes longer to import than all the rest.
import _socket, os, struct, sys, types


def start():
    connection = _socket.socket(fileno=3)
    os.set_inheritable(3, False)

    def exactly(count):
        taken = bytearray()
        while len(taken) < count:
            piece = connection.recv(count - len(taken))
            if not piece:
                sys.exit(0)
            taken += piece
        return bytes(taken)

    import json

    (length,) = struct.unpack("<I", exactly(4))
    frame = exactly(length)
    (size,) = struct.unpack_from("<I", frame, 12)
    head = json.loads(frame[16 : 16 + size].decode())
    sources = {}
    for name, source in head["settings"].pop("shim"):
        path = "<pinhook>/%s.py" % name.replace(".", "/")
        sources[path] = source
        module = types.ModuleType(name)
        module.__file__ = path
        if name == "tyk":
            module.__path__ = []
        sys.modules[name] = module
        exec(compile(source, path, "exec"), module.__dict__)
        if "." in name:
            parent, _, child = name.rpartition(".")
            setattr(sys.modules[parent], child, module)
    sys.modules["pinhook_worker"].main(connection, head)


start()
