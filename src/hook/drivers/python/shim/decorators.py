"""The decorators that mark functions as hooks: `from tyk.decorators import *`."""

import inspect

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
        parameters = inspect.signature(function).parameters.values()
        taken = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self.arg_count = sum(1 for one in parameters if one.kind in taken)

    def __call__(self, *arguments, **named):
        return self.function(*arguments, **named)


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
