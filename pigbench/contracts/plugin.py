"""What generators and segmenters have in common, and how the suite builds one."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, TypeVar

from pigbench.contracts.config import Config
from pigbench.contracts.task import Task
from pigbench.counting import counted
from pigbench.errors import PigbenchError


class Plugin:
    """What a generator and a segmenter have in common.

    Config: its settings. channels: those that its images can have, such as (1, 3) for grey and colour. most_classes:
    how many classes it can tell apart; None for any number.
    """

    Config: ClassVar[type[Config]] = Config
    channels: ClassVar[tuple[int, ...]] = (1,)
    most_classes: ClassVar[int | None] = 1

    def __init__(self, config: Any, task: Task) -> None:
        """config: an instance of `Config` (while a component trains, only its `settings` can be read). task: one that
        `channels` and `most_classes` allow. An `__init__` of your own takes (self, config, task), too.
        """
        if not isinstance(task, Task):
            raise TypeError(f"{type(self).__name__} is built for a Task, such as Task(32), not for {task!r}")
        self.config = config
        self.task = task
        self.resolution = task.resolution

    @property
    def pretrained_on(self) -> str:
        """The data that its networks, or those in its loss, have learnt from elsewhere, such as "ImageNet"."""
        return ""


P = TypeVar("P", bound=Plugin)


def instance(plugin: type[P], config: Any, task: Task) -> P:
    """The plugin for a task. Raises PigbenchError if its `__init__` is an earlier contract's, or if it cannot do the
    task."""
    require_able(plugin, task)
    return plugin(config, task)


def require_able(plugin: type[Plugin], task: Task) -> None:
    """Raises PigbenchError if the plugin's `__init__` is an earlier contract's, or if it cannot do the task."""
    require_init(plugin)
    require_channels(plugin)
    name = plugin.__name__
    if task.channels not in plugin.channels:
        only = "grey" if plugin.channels == (1,) else "colour"
        given = "in colour (imported with --grey they are grey)" if task.channels == 3 else "grey"
        raise PigbenchError(f"{name} takes {only} images alone (channels = {plugin.channels}), and these are {given}")
    if plugin.most_classes is not None and len(task.classes) > plugin.most_classes:
        told = ", ".join(task.classes)
        most = counted(plugin.most_classes, "class", "classes")
        raise PigbenchError(f"{name} takes masks of {most} at most (most_classes), and this dataset has {told}")


def require_channels(plugin: type[Plugin]) -> None:
    """Raises PigbenchError if `channels` is no choice of 1 and 3."""
    given = plugin.channels
    if not (isinstance(given, tuple) and given and all(each in (1, 3) for each in given)):
        raise PigbenchError(
            f"{plugin.__name__}.channels = {given!r}: make it (1,) for grey, (3,) for colour, or (1, 3)"
        )


def require_init(plugin: type[Plugin]) -> None:
    """Raises PigbenchError if the plugin's own `__init__` does not take (self, config, task)."""
    _, *taken = inspect.signature(plugin.__init__).parameters.values()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in taken):
        return
    names = [parameter.name for parameter in taken]
    if names[1:2] != ["task"]:
        raise PigbenchError(
            f"{plugin.__name__}.__init__ takes ({', '.join(['self', *names])}): make it (self, config, task) and hand "
            "`task` on to super().__init__; the resolution is `task.resolution`"
        )
