"""The demo's stories: a document's stack each, and what happens to it in 60 days.

`advisor/demo/stacks/<name>.yaml` is what the advisor is told of the same stack.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from advisor.demo.stories import amebo, app_virgin, tutor
from advisor.demo.world import World

__all__ = ["STORIES"]

#: By the name of the stack's document.
STORIES: Mapping[str, Callable[[datetime], World]] = {
    "app-virgin": app_virgin.world,
    "amebo": amebo.world,
    "tutor": tutor.world,
}
