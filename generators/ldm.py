"""LDM: Rombach, Blattmann, Lorenz, Esser, Ommer, "High-resolution image synthesis with latent diffusion models", CVPR
2022, in its mask-conditioned form ("semantic synthesis"). Diffusion in the latents of an autoencoder.

What the autoencoder loses no sampler brings back, so the suite measures what it makes of held-out images. Where a
critic is asked for, its weight is fixed and one optimiser trains both sides; the authors adapt the weight and use two.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from generators.conditioning import ConditionedConfig, as_condition, masks_to_make
from generators.diffusion import DENOISER, DiffusionGenerator, build_unet
from generators.samplers import ddim_schedule, sample_images
from pigbench.contracts import Batch, Component, Pairs, Range, SampleRequest, TrainView, planes

if TYPE_CHECKING:
    import torch
    from diffusers import DDIMScheduler

    from generators.latent import Autoencoder
    from generators.perceptual import PerceptualDistance
    from pigbench.training import Loop

MASK_CHANNELS = 3
"""What the mask's 1×1 convolution gives, as in the authors' configurations."""


class LDMConfig(ConditionedConfig):
    """The autoencoder, the denoiser in its latents, and the sampler. The defaults are the authors' f = 4."""

    beta_start: PositiveFloat = Field(0.0015, description="β_1; √β grows linearly")
    beta_end: PositiveFloat = Field(0.0205, description="β_T")
    channels: tuple[PositiveInt, ...] = Field((128, 512, 1024), description="the denoiser's, one width a level")
    attention: tuple[bool, ...] = Field((False, False, False), description="the middle block attends in any case")
    autoencoder_channels: tuple[PositiveInt, ...] = Field((128, 256, 512), description="f = 2^(levels - 1)")
    autoencoder_layers: PositiveInt = Field(2, description="residual blocks a level of the autoencoder")
    latent_channels: PositiveInt = Field(3, description="of the latents")
    kl_weight: Annotated[NonNegativeFloat, Range(1e-7, 1e-3, log=True)] = Field(
        1e-6, description="pulls the latents towards a standard normal"
    )
    perceptual_weight: Annotated[NonNegativeFloat, Range(0.03, 3.0, log=True)] = Field(
        1.0, description="distance of EfficientNet-Lite0's features; 0 for none"
    )
    adversarial_weight: NonNegativeFloat = Field(0.0, description="of a patch critic's score; 0 for no critic")
    adversarial_start: NonNegativeInt = Field(0, description="the training step from which the critic counts")

    @model_validator(mode="after")
    def _starts_within_the_schedule(self) -> LDMConfig:
        if self.sampler == "ddim" and self.steps == self.timesteps:
            raise ValueError(f"steps = {self.steps}: DDIM's sampling starts one step late, so take fewer than T")
        return self


AUTOENCODER = ("autoencoder_channels", "autoencoder_layers", "latent_channels", "norm_groups")
LOSS = ("kl_weight", "perceptual_weight", "adversarial_weight", "adversarial_start")


class LDM(DiffusionGenerator):
    """Images for given masks, by diffusion in an autoencoder's latents."""

    kind = "images-for-masks"
    channels = (1, 3)
    most_classes = None
    reconstructs = True
    Config = LDMConfig
    components = (
        Component("autoencoder", settings=(*AUTOENCODER, *LOSS)),
        Component("denoiser", needs=("autoencoder",), settings=(*DENOISER, *AUTOENCODER), share=2.0),
    )

    @cached_property
    def schedule(self) -> DDIMScheduler:
        """√β from √β_1 to √β_T; DDIM samples from t = 1 on, as the authors do. x̂0 is never clipped."""
        return ddim_schedule(self.config, beta_schedule="scaled_linear", steps_offset=1, set_alpha_to_one=False)

    @property
    def pretrained_on(self) -> str:
        """The data of the network whose features the perceptual distance compares."""
        return "ImageNet" if self.config.perceptual_weight else ""

    @property
    def halvings(self) -> int:
        """log2 of the autoencoder's factor f."""
        return len(self.config.autoencoder_channels) - 1

    def build(self, component: str) -> torch.nn.Module:
        """The autoencoder (with its critic, if it has one), or ε_θ(z_t, mask, t)."""
        if self.resolution % 2**self.halvings:
            raise ValueError(
                f"ldm: {self.resolution} pixels cannot be halved {self.halvings} times: shorten autoencoder_channels"
            )
        return self._build_autoencoder() if component == "autoencoder" else self._build_denoiser()

    def _build_autoencoder(self) -> torch.nn.Module:
        from generators.latent import Autoencoder, PatchCritic

        config = self.config
        autoencoder = Autoencoder(
            self.task.channels,
            channels=config.autoencoder_channels,
            layers=config.autoencoder_layers,
            latent_channels=config.latent_channels,
            norm_groups=config.norm_groups,
        )
        if config.adversarial_weight:
            autoencoder.critic = PatchCritic(self.task.channels, config.autoencoder_channels[0])
        return autoencoder

    def _build_denoiser(self) -> torch.nn.Module:
        from generators.latent import MaskedLatentDenoiser

        unet = build_unet(
            self.config,
            self.resolution // 2**self.halvings,
            inputs=self.config.latent_channels + MASK_CHANNELS,
            outputs=self.config.latent_channels,
            schedule=self.schedule,
        )
        return MaskedLatentDenoiser(unet, self.halvings, self.task.planes, MASK_CHANNELS)

    def train(
        self, component: str, view: TrainView, trained: Mapping[str, torch.nn.Module], loop: Loop
    ) -> torch.nn.Module:
        """As every component; then the autoencoder's latents are measured, so that they come out with an SD of 1."""
        network = super().train(component, view, trained, loop)
        if component == "autoencoder":
            network.deviation.fill_(_deviation(network, view, loop))
        return network

    def loss(
        self, component: str, network: torch.nn.Module, batch: Batch, trained: Mapping[str, torch.nn.Module]
    ) -> torch.Tensor:
        """The autoencoder's loss; for the denoiser ‖ε - ε_θ(z_t, mask, t)‖₁."""
        from torch.nn.functional import l1_loss

        if component == "autoencoder":
            return self._reconstruction_loss(network, batch)
        latents, masks = _latents(trained["autoencoder"], batch), planes(batch.masks, self.task.planes)
        noise, t = batch.noise(like=latents), batch.timesteps(self.config.timesteps)
        return l1_loss(network(self.schedule.add_noise(latents, noise, t), masks, t), noise)

    def _reconstruction_loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """L1 and KL a pixel, and, with weights above 0, the perceptual distance and what a critic says."""
        from generators.latent import draw

        config, images = self.config, batch.images
        mean, log_variance = network.posterior(images)
        rebuilt = network.vae.decode(draw(mean, log_variance, batch.noise(like=mean))).sample
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        loss = (rebuilt - images).abs().mean() + config.kl_weight * divergence / images.numel()
        if config.perceptual_weight:
            loss = loss + config.perceptual_weight * self._perceptual(rebuilt, images)
        if config.adversarial_weight and batch.step >= config.adversarial_start:
            loss = loss + _adversarial(network.critic, rebuilt, images, config.adversarial_weight)
        return loss

    @cached_property
    def _perceptual(self) -> PerceptualDistance:
        from generators.perceptual import PerceptualDistance

        return PerceptualDistance()

    def sample(self, trained: Mapping[str, torch.nn.Module], request: SampleRequest) -> Pairs:
        """Images for the request's masks: sampled in the latents, then decoded."""
        masks = masks_to_make(request, self.config.augment_masks)
        condition = as_condition(masks, request)
        autoencoder, on_step = trained["autoencoder"], request.on_step

        def denoiser(z: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
            return trained["denoiser"](z, condition, times)

        def watch(step: int, t: int, _: None, clean: torch.Tensor) -> None:
            if on_step is not None:
                on_step(step, t, 2 * condition - 1, autoencoder.decode(clean))

        side = self.resolution // 2**self.halvings
        latents = sample_images(
            denoiser,
            self.scheduler,
            request.noise((self.config.latent_channels, side, side)),
            steps=self.config.steps,
            on_step=watch,
        )
        return Pairs.clipped(autoencoder.decode(latents), masks)

    def reconstruct(self, trained: Mapping[str, torch.nn.Module], images: torch.Tensor) -> torch.Tensor:
        """Images through the autoencoder and back."""
        autoencoder: Autoencoder = trained["autoencoder"]  # type: ignore[assignment]
        return autoencoder.decode(autoencoder.encode(images)).clamp(-1, 1)


def _latents(autoencoder: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """A draw of the batch's scaled latents, from the frozen autoencoder."""
    import torch

    from generators.latent import draw

    with torch.no_grad():
        mean, log_variance = autoencoder.posterior(batch.images)
        return draw(mean, log_variance, batch.noise(like=mean)) / autoencoder.deviation


def _deviation(autoencoder: torch.nn.Module, view: TrainView, loop: Loop) -> float:
    """The SD of all latents of the training images (the authors take their first batch's), a batch at a time."""
    import torch

    network, size = autoencoder.to(loop.device), loop.settings.batch
    total, squares, count = 0.0, 0.0, 0
    with torch.inference_mode():
        for start in range(0, len(view), size):
            images = torch.from_numpy(view.pairs(np.arange(start, min(start + size, len(view)))).images)
            latents = network.posterior(images.to(loop.device))[0].double()
            total, squares, count = total + latents.sum(), squares + latents.square().sum(), count + latents.numel()
    autoencoder.to("cpu")
    return float((squares / count - (total / count) ** 2) ** 0.5)


def _adversarial(critic: torch.nn.Module, rebuilt: torch.Tensor, images: torch.Tensor, weight: float) -> torch.Tensor:
    """The hinge game in one loss: the first term moves the autoencoder alone, the other two the critic alone."""
    from torch.func import functional_call

    fixed = {name: value.detach() for name, value in critic.named_parameters()}
    fools = -functional_call(critic, fixed, (rebuilt,)).mean()
    judges = (1 - critic(images)).relu().mean() + (1 + critic(rebuilt.detach())).relu().mean()
    return weight * fools + judges
