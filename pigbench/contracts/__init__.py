"""What a plugin is. Read this file and you can write a generator or a segmenter; each name below has a file here.

A plugin is built for a **task** (`Task`): a resolution, C image channels and K classes. Images are (N, C, H, W), and
masks are label maps (N, 1, H, W), 0 background, 1..K; `planes` and `label_maps` turn them into K planes and back. A
plugin says what it can do by `channels` and `most_classes`; unless it says more, that is grey images and one class.

A **generator** declares *components* (networks to train, each naming the components it needs) and a sampler. The suite
trains each component once a fold, on that fold's training patients and nobody else, then asks for samples in batches of
one fixed shape. A **segmenter** is fitted on pairs and predicts probabilities, from which the suite makes masks.

A generator that needs no training is one class with one method::

    class Noise(Generator):
        kind = "pairs"

        def sample(self, trained, request):
            images = request.noise()
            return Pairs.clipped(images, images > 1)

It comes in by an entry point in its own package, as the built-in ones do::

    [project.entry-points."pigbench.generators"]
    noise = "my_package.noise:Noise"

Rules the suite relies on:

- Import torch and other heavy libraries inside functions: planning and listing must not pay for them.
- Take every random number from `Batch` or `SampleRequest`, and leave the global random states alone.
- The same request gives the same samples.
- A sample must not depend on its batch mates.
- Images are (N, C, H, W) float32, C the task's channels, H = W = its resolution.
- Intensities are finite and in [-1, 1]: clip what you hand over with `Pairs.clipped`, and the suite reports how much.
- Masks are (N, 1, H, W) uint8, 0 background and 1..K the task's classes.
- A generator of pairs gives a mask for every image.
- Probabilities are (N, K + 1, H, W) float32, background first, and add up to 1.
- A training that is given weights starts from them.
- Read no file and no array but what the view and the request hold.
- A network's weights are all that sampling needs: what `train` returns is what `build` makes, with other weights.

`pigbench check NAME` tries all of them on a plugin and quotes the sentence that it breaks. `metric.py` says what a
metric is, with rules of its own.
"""

from __future__ import annotations

from pigbench.contracts import metric
from pigbench.contracts.batches import Batch, SampleRequest, to_device
from pigbench.contracts.config import Choices, Config, Range, TrainedConfig, space
from pigbench.contracts.generator import Component, Generator, Kind
from pigbench.contracts.metric import CaseMasks, CaseMetric, EmptyRule, Metric, Outcome, SetMetric, Sets
from pigbench.contracts.pairs import Pairs, TrainView, seal, to_stored, to_unit_range
from pigbench.contracts.plugin import Plugin, instance, require_able, require_init
from pigbench.contracts.probabilities import lesion_probabilities, masks_of, require_probabilities
from pigbench.contracts.segmenter import Segmenter
from pigbench.contracts.task import LESION, Task, label_maps, planes

__all__ = [
    "LESION",
    "Batch",
    "CaseMasks",
    "CaseMetric",
    "Choices",
    "Component",
    "Config",
    "EmptyRule",
    "Generator",
    "Kind",
    "Metric",
    "Outcome",
    "Pairs",
    "Plugin",
    "Range",
    "SampleRequest",
    "Segmenter",
    "SetMetric",
    "Sets",
    "Task",
    "TrainView",
    "TrainedConfig",
    "instance",
    "label_maps",
    "lesion_probabilities",
    "masks_of",
    "planes",
    "require_able",
    "require_init",
    "require_probabilities",
    "rule",
    "seal",
    "space",
    "to_device",
    "to_stored",
    "to_unit_range",
]


def rule(beginning: str) -> str:
    """The rule that begins so, of this file's list or the metrics', for messages that quote it."""
    lists = [(doc or "").partition("Rules the suite relies on:")[2] for doc in (__doc__, metric.__doc__)]
    return next(line[2:] for line in "\n".join(lists).splitlines() if line.startswith(f"- {beginning}"))
