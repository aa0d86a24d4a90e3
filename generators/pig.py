"""PIG: paired image generation with a diffusion guider (MICCAI 2025). Masks and images together, from noise alone.

Two denoisers walk down side by side. At every step the *guider* cleans the mask, x̂0, and the *conditional* model cleans
the image under that estimate. x is the mask, one plane a class, y the image, both in [-1, 1].

Paper and released code differ, so each difference is a setting. The defaults are the paper's:

====================  ================================================  ===================  =====================
setting               what it decides                                   ``variant="paper"``  ``variant="release"``
====================  ================================================  ===================  =====================
condition             what the conditional model is trained on: the     guider               guider
                      frozen guider's x̂0, or the clean mask x_0
loss_weight           weight of its squared error: 1, or sigmoid(x̂0)    none                 sigmoid
timestep_sampling     t all drawn, or half drawn and half T-1-t         uniform              antithetic
guide                 what guides while sampling: x̂0, or it binarised   raw                  binary
masks_out             masks handed over: x̂0 > 0, or it binarised        threshold            release
====================  ================================================  ===================  =====================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from generators import samplers
from generators.diffusion import (
    DENOISER,
    DiffusionConfig,
    DiffusionGenerator,
    SampledConfig,
    build_unet,
    predict_clean,
)
from generators.mask_planes import as_labels, as_planes
from generators.samplers import started, take_step
from pigbench.contracts import Batch, Choices, Component, Pairs, SampleRequest

if TYPE_CHECKING:
    import torch

    from generators.samplers import Scheduler

    Denoiser = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

RELEASE = {"loss_weight": "sigmoid", "timestep_sampling": "antithetic", "guide": "binary", "masks_out": "release"}


class PIGConfig(DiffusionConfig, SampledConfig):
    """Both denoisers' settings, the switches of the table above, and the sampler's."""

    variant: Literal["paper", "release"] | None = Field(None, description="sets the switches that are not given")
    condition: Literal["guider", "clean"] = Field("guider", description="the conditional model's, in training")
    loss_weight: Annotated[Literal["none", "sigmoid"], Choices("none", "sigmoid")] = Field(
        "none", description="of the conditional model's squared error"
    )
    timestep_sampling: Annotated[Literal["uniform", "antithetic"], Choices("uniform", "antithetic")] = Field(
        "uniform", description="how training draws t"
    )
    guide: Literal["raw", "binary"] = Field("raw", description="the mask estimate that guides while sampling")
    masks_out: Literal["threshold", "release"] = Field("threshold", description="how the last x̂0 becomes a mask")

    @model_validator(mode="before")
    @classmethod
    def _variant_sets_switches(cls, given: Any) -> Any:
        release = isinstance(given, dict) and given.get("variant") == "release"
        return RELEASE | given if release else given


class PIG(DiffusionGenerator):
    """Pairs from two denoisers; given masks, images for them from the conditional model alone."""

    kind = "pairs"
    channels = (1, 3)
    most_classes = None
    takes_masks = True
    Config = PIGConfig
    components = (
        Component("guider", settings=(*DENOISER, "timestep_sampling")),
        Component(
            "conditional",
            needs=("guider",),
            settings=(*DENOISER, "timestep_sampling", "condition", "loss_weight"),
        ),
    )

    def build(self, component: str) -> torch.nn.Module:
        """model_x(x_t, y_t, t) or model_y(x̂0, y_t, t): K + C channels in, what it cleans first; ε of that out."""
        task = self.task
        outputs = task.planes if component == "guider" else task.channels
        return build_unet(self.config, self.resolution, inputs=task.planes + task.channels, outputs=outputs)

    def loss(
        self, component: str, network: torch.nn.Module, batch: Batch, trained: Mapping[str, torch.nn.Module]
    ) -> torch.Tensor:
        """Algorithm 1 for the guider; the same for the conditional model, its condition being the guider's x̂0."""
        import torch
        from torch.nn.functional import mse_loss

        x_0, y_0 = as_planes(batch.masks, self.task), batch.images
        noise_x, noise_y = batch.noise(like=x_0), batch.noise()
        t = self._timesteps(batch)
        x_t = self.schedule.add_noise(x_0, noise_x, t)  # Eq. (9)
        y_t = self.schedule.add_noise(y_0, noise_y, t)  # Eq. (10)
        if component == "guider":
            return mse_loss(network(_channels(x_t, y_t), t), noise_x)

        if self.config.condition == "clean":
            condition = x_0
        else:
            with torch.no_grad():
                condition = predict_clean(self.schedule, x_t, trained["guider"](_channels(x_t, y_t), t), t)
        error = (network(_channels(y_t, condition), t) - noise_y).square()
        if self.config.loss_weight == "sigmoid":
            error = error * condition.amax(dim=1, keepdim=True).sigmoid()
        return error.mean()

    def _timesteps(self, batch: Batch) -> torch.Tensor:
        """(N,) in 0..T-1; antithetic: the second half mirrors the first, so that every batch spans the schedule."""
        import torch

        total = self.config.timesteps
        t = batch.timesteps(total)
        if self.config.timestep_sampling == "antithetic":
            half = t[: (len(t) + 1) // 2]
            t = torch.cat([half, total - 1 - half])[: len(t)]
        return t

    def sample(self, trained: Mapping[str, torch.nn.Module], request: SampleRequest) -> Pairs:
        """Pairs from Algorithm 2, clipped; where `request.masks` are given, images for those."""
        import torch

        steps, on_step = self.config.steps, request.on_step
        if request.masks is not None:
            given = torch.as_tensor(request.masks, dtype=torch.float32, device=request.device)
            masks = as_planes(given, self.task)
            images = sample_images(
                trained["conditional"], self.scheduler, masks, request.noise(), steps=steps, on_step=on_step
            )
            return Pairs.clipped(images, request.masks)

        masks, images = sample_pairs(
            trained["guider"],
            trained["conditional"],
            self.scheduler,
            request.noise((self.task.planes, self.resolution, self.resolution)),
            request.noise(),
            steps=steps,
            binarise_guide=self.config.guide == "binary",
            on_step=on_step,
        )
        if self.config.masks_out == "release":
            masks = released(masks)
        return Pairs.clipped(images, as_labels(masks))


def sample_pairs(
    guider: Denoiser,
    conditional: Denoiser,
    scheduler: Scheduler,
    x_T: torch.Tensor,
    y_T: torch.Tensor,
    *,
    steps: int,
    binarise_guide: bool = False,
    on_step: Callable[..., None] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Algorithm 2: mask planes x̂0 (N, K, H, W) and images ŷ0 (N, C, H, W), raw and unclipped.

    guider, conditional: denoisers from (N, K + C, H, W), what is cleaned first, its condition second, and timesteps
    (N,) to ε of what is cleaned. scheduler: as `ddim_schedule` or `scheduler_of` makes it; masks and images each get
    one of their own like it, for a solver remembers the steps before. x_T, y_T: standard normal noise, (N, K, H, W) and
    (N, C, H, W). binarise_guide: show the conditional model `binarise(x̂0)`; the masks are stepped raw all the same.
    on_step(step, t, x̂0, ŷ0) is called at every step. Raises ValueError for `steps` that the sampler cannot take.
    """
    import torch

    of_masks, of_images = started(scheduler, steps), started(scheduler, steps)
    x, y = x_T, y_T
    with torch.no_grad():
        for step, t in enumerate(of_masks.timesteps.tolist()):
            times = torch.full((len(x),), t, device=x.device)
            noise_x = guider(_channels(x, y), times)
            x, mask = take_step(of_masks, noise_x, t, x)  # Eq. (6)-(7): x_{t-1} and x̂0
            noise_y = conditional(_channels(y, binarise(mask) if binarise_guide else mask), times)
            y, image = take_step(of_images, noise_y, t, y)
            if on_step is not None:
                on_step(step, t, mask, image)
    return mask, image


def sample_images(
    conditional: Denoiser,
    scheduler: Scheduler,
    masks: torch.Tensor,
    y_T: torch.Tensor,
    *,
    steps: int,
    on_step: Callable[..., None] | None = None,
) -> torch.Tensor:
    """Images ŷ0 of y_T's shape for given mask planes (N, K, H, W), -1 or 1: Algorithm 2 with x̂0 := them throughout."""

    def denoiser(y: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return conditional(_channels(y, masks), times)

    return samplers.sample_images(denoiser, scheduler, y_T, steps=steps, masks=masks, on_step=on_step)


def binarise(masks: torch.Tensor) -> torch.Tensor:
    """The release's rule, plane by plane: clamped, 5 by 5 mean, lesion (1) above ¾·max + ¼·min, else -1.

    It shrinks lesions, and it finds some in an empty but noisy mask. Means at the border are over pixels inside it.
    """
    from torch.nn.functional import avg_pool2d

    smooth = avg_pool2d(masks.clamp(-1, 1), kernel_size=5, stride=1, padding=2, count_include_pad=False)
    threshold = 0.75 * smooth.amax(dim=(-2, -1), keepdim=True) + 0.25 * smooth.amin(dim=(-2, -1), keepdim=True)
    return (smooth > threshold).to(masks.dtype) * 2 - 1


def released(masks: torch.Tensor) -> torch.Tensor:
    """Planes (N, K, H, W) above 0 where `binarise` finds their class, the higher the likelier, and elsewhere -1."""
    import torch

    return torch.where(binarise(masks) > 0, masks - masks.amin() + 1, -1)


def _channels(target: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.cat([target, condition], dim=1)
