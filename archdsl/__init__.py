"""A declarative architecture language and compiler for convolutional networks.

>>> import archdsl
>>> archdsl.load("vgg16").params
138357544
"""

__all__ = ["ArchError", "Network", "load", "loads"]
__version__ = "0.2.0"

TYPE_CHECKING = False  # as type checkers know it: `typing` would have to be imported
if TYPE_CHECKING:
    from archdsl.errors import ArchError
    from archdsl.network import Network, load, loads
else:  # names that are imported when they are first used: `import archdsl` itself costs nothing

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module = import_module("archdsl.errors" if name == "ArchError" else "archdsl.network")
        value = globals()[name] = getattr(module, name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
