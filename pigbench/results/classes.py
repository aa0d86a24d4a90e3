"""A group as each of its classes sees it."""

from __future__ import annotations

from dataclasses import replace

from pigbench.results.group import Group, Part


def by_class(group: Group) -> list[Group]:
    """The group with the scores of each class in place of their means; none where there is one class."""
    names, cases = group.dataset.classes, len(group.tested.ids)
    if len(names) == 1:
        return []
    return [
        replace(
            group,
            part=Part(f"class:{name}", name, cases, cases),
            fidelity=(),
            ceiling=group.ceiling_of_classes[number] if group.ceiling_of_classes else {},
            trials=tuple(trial.classes[number] if trial.classes else trial for trial in group.trials),
        )
        for number, name in enumerate(names)
    ]
