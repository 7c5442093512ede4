"""The decorators that mark functions as hooks: `from tyk.decorators import *`."""

__all__ = ["Hook", "Pre", "Post", "PostKeyAuth", "CustomKeyCheck", "Event", "Analytics"]


class _Marked:
    kinds = ()

    def __init__(self, function):
        self.function = function
        self.name = function.__name__
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__wrapped__ = function
        self.arg_count = _count(function)

    def __call__(self, *arguments, **named):
        return self.function(*arguments, **named)


def _count(function):
    """How many arguments a function takes by their place."""
    code = getattr(function, "__code__", None)
    if code is not None and not hasattr(function, "__wrapped__") and not code.co_flags & 4:
        return code.co_argcount
    import inspect

    parameters = inspect.signature(function).parameters.values()
    taken = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(1 for one in parameters if one.kind in taken)


class Hook(_Marked):
    pass


class Pre(_Marked):
    pass


class Post(_Marked):
    pass


class PostKeyAuth(_Marked):
    pass


class CustomKeyCheck(_Marked):
    pass


class Event(_Marked):
    kinds = ("event",)


class Analytics(_Marked):
    kinds = ("analytics",)
