"""The checks of a generator, in the order in which they are made. Each returns what it saw and raises Fault."""

from __future__ import annotations

import inspect
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, get_args

import numpy as np

from pigbench.contracts import Component, Config, Generator, Kind, Pairs, Plugin, rule
from pigbench.errors import PigbenchError
from pigbench.testing.at_work import (
    BATCH,
    nothing_else_read,
    other_sizes,
    other_tasks,
    random_states_alone,
    view_unchanged,
)
from pigbench.testing.generator_at_work import GeneratorAtWork
from pigbench.testing.late_imports import late_imports
from pigbench.testing.pairs import require_same
from pigbench.testing.results import Check, Fault, entry, promised, require_words
from pigbench.testing.weights import require_finite, require_one_number, require_resumable, through_a_file

if TYPE_CHECKING:
    import torch

TOLERANCE = 1e-3
"""Batches of another size may round otherwise here and there; batches of one size must agree to the bit."""


def declaration(subject: GeneratorAtWork) -> str:
    """The class says what it makes; its components fit together, and their settings exist."""
    plugin = subject.plugin
    if inspect.isabstract(plugin):
        raise Fault("it has no method 'sample'", promised(Generator.sample))
    if getattr(plugin, "kind", None) not in get_args(Kind):
        raise Fault(f"its kind is not one of {', '.join(get_args(Kind))}", entry(Generator, "kind"))
    if not issubclass(plugin.Config, Config):
        raise Fault("its Config is not a pigbench.contracts.Config", promised(Config))
    _check_components(plugin.components, plugin.Config.model_fields)
    try:
        lenders = {lender.name: lender.plugin for lender in subject.choice.lenders}
    except PigbenchError as error:
        raise Fault(str(error), promised(Config)) from error
    for component in plugin.components:
        if component.owner and component.name not in [theirs.name for theirs in lenders[component.owner].components]:
            raise Fault(f"'{component.owner}' has no component '{component.name}'", entry(Component, "owner"))
    require_words(subject.fresh(), note=Generator.note, sampler=Generator.sampler, pretrained_on=Plugin.pretrained_on)
    return f"{plugin.kind}; " + (", ".join(component.name for component in plugin.components) or "nothing to train")


def _check_components(components: tuple[Component, ...], fields: dict) -> None:
    names = [component.name for component in components]
    for component in components:
        if names.count(component.name) > 1:
            raise Fault(f"two components are named '{component.name}'", entry(Component, "name"))
        if missing := set(component.needs) - set(names):
            raise Fault(f"'{component.name}' needs {', '.join(missing)}: not a component", entry(Component, "needs"))
        if missing := set(component.settings) - fields.keys():
            raise Fault(f"'{component.name}': no field {', '.join(missing)} in Config", entry(Component, "settings"))
        if component.share <= 0:
            raise Fault(f"'{component.name}' has the share {component.share}", entry(Component, "share"))
    try:
        TopologicalSorter({component.name: component.needs for component in components}).prepare()
    except CycleError as error:
        raise Fault(f"components need each other: {' and '.join(error.args[1])}", entry(Component, "needs")) from None


def training(subject: GeneratorAtWork) -> str:
    """Every component trains, reading the settings that it declares, and gives finite weights."""
    for component in subject.plugin.components:
        require_finite(f"'{component.name}'", subject.networks[component.name], Generator.train)
    for component in subject.own:
        if subject.plugin.loss is not Generator.loss:  # else it has a training of its own
            require_one_number(f"the loss of '{component.name}'", subject.loss(component), Generator.loss)
    return f"{subject.steps} steps each" if subject.plugin.components else "nothing to train"


def samples(subject: GeneratorAtWork) -> str:
    """The suite's border takes them."""
    pairs = subject.first
    images, masks = pairs.images, pairs.masks
    lesion = "no masks" if masks is None else f"masks {np.mean(masks):.0%} lesion"
    return f"images {images.shape} in [{images.min():.2f}, {images.max():.2f}], {lesion}"


def given_masks(subject: GeneratorAtWork) -> str:
    """A generator of pairs that takes masks makes images for them."""
    if not subject.plugin.takes_masks:
        return "it is always given some" if subject.plugin.kind == "images-for-masks" else "it takes none"
    subject.sample(for_masks=True)
    return "images for given masks too"


def reconstruction(subject: GeneratorAtWork) -> str:
    """What passes through a generator's own compression comes out in the same shape."""
    import torch

    if not subject.plugin.reconstructs:
        return "it compresses nothing"
    images, generator, networks = subject.batch().images, subject.fresh(), subject.networks
    with subject.at_work("reconstruct", Generator.reconstruct), torch.inference_mode():
        rebuilt = generator.reconstruct(networks, images)
    if rebuilt.shape != images.shape or not rebuilt.isfinite().all():
        raise Fault(f"reconstruct gives {tuple(rebuilt.shape)}, or NaN", promised(Generator.reconstruct))
    return f"images come out {tuple(rebuilt.shape)}"


def same_request(subject: GeneratorAtWork) -> str:
    """Sampling again gives the same: with the same object or another one, watched step by step or not."""
    import torch

    def watch(step: int, t: int, masks: torch.Tensor | None, images: torch.Tensor) -> None:
        """As the trace figure does."""

    sentence, generator = rule("The same request"), subject.fresh()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        require_same(subject.sample(generator=generator), subject.first, "asked again", sentence)
        require_same(subject.sample(generator=generator), subject.first, "asked twice of one object", sentence)
    require_same(subject.sample(on_step=watch), subject.first, "watched by on_step", sentence)
    return "same samples, to the bit"


def batch_mates(subject: GeneratorAtWork) -> str:
    """A sample is the same at another place, among other samples, and in a batch of twice the size."""
    sentence, half = rule("A sample must not"), BATCH // 2
    moved = subject.sample(range(half, half + BATCH))
    require_same(_part(moved, half), _part(subject.first, half, BATCH), "among other batch mates", sentence)
    larger = subject.sample(range(2 * BATCH))
    require_same(_part(larger, BATCH), subject.first, f"in a batch of {2 * BATCH}", sentence, TOLERANCE)
    return f"same samples among others, to the bit; in a batch of {2 * BATCH}, within {TOLERANCE}"


def weights_are_all(subject: GeneratorAtWork) -> str:
    """Networks that are built anew and given the saved weights sample alike."""
    if not subject.plugin.components:
        return "nothing to save"
    loaded = {}
    for component in subject.plugin.components:
        name, (_, built) = component.name, subject.built(component)
        loaded[name] = through_a_file(f"'{name}'", subject.networks[name], built)
    again = subject.sample(networks=loaded)
    require_same(again, subject.first, "from saved and loaded weights", rule("A network's weights"))
    return "saved, loaded into what build makes: same samples"


def resume(subject: GeneratorAtWork) -> str:
    """A training that is stopped and gone on with ends with the same weights."""
    seen = []
    for component in subject.own:
        expected, train = subject.networks[component.name], partial(subject.train, subject.choice, component)
        seen.append(require_resumable(f"'{component.name}'", expected, train, subject.steps))
    return "; ".join(seen) or "nothing to train"


def _part(pairs: Pairs, *where: int) -> Pairs:
    return Pairs(pairs.images[slice(*where)], None if pairs.masks is None else pairs.masks[slice(*where)])


CHECKS = (
    Check("declaration", declaration, first_of_all=True),
    Check("late imports", late_imports),
    Check("training", training, first_of_all=True),
    Check("samples", samples, first_of_all=True),
    Check("given masks", given_masks),
    Check("reconstruction", reconstruction),
    Check("random states", random_states_alone),
    Check("nothing else read", nothing_else_read),
    Check("view unchanged", view_unchanged),
    Check("same request", same_request),
    Check("batch mates", batch_mates),
    Check("weights are all", weights_are_all),
    Check("resume", resume),
    Check("other sizes", other_sizes),
    Check("channels and classes", other_tasks),
)
