"""The simulated providers: a module each, named after its collector. Adding one is adding a file.

Each has one function, `answer`: what is asked and the world, to the documented answer. The address is the
simulator's with the module's name, such as http://127.0.0.1:1234/resend, and stands as `base_url:` in the
demo's configuration.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from advisor.demo.wire import Answered, Asked
from advisor.demo.world import World

__all__ = ["Provider", "providers"]

Provider = Callable[[Asked, World], Answered]


@cache
def providers() -> Mapping[str, Provider]:
    """Return what answers, by name."""
    names = sorted(module.name for module in iter_modules(__path__))
    return {name: import_module(f"{__name__}.{name}").answer for name in names}
