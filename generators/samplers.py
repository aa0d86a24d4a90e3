"""From noise to images: DDIM, DPM-Solver++ and UniPC over one noise schedule, and DDPM's ancestral steps.

All of them walk the same way, from t = T down, and differ in where they stop and how they get there. DDIM takes every
step by itself. DPM-Solver++ (2M; Lu et al., 2022) and UniPC (Zhao et al., NeurIPS 2023) also use what the network said
at the steps before, so a scheduler of theirs belongs to one trajectory: see `started`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import torch
    from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler

    Scheduler: TypeAlias = DDIMScheduler | DDPMScheduler | DPMSolverMultistepScheduler | UniPCMultistepScheduler

Sampler = Literal["ddim", "dpm++", "unipc"]

NAMES: dict[Sampler, str] = {"ddim": "DDIM", "dpm++": "DPM-Solver++", "unipc": "UniPC"}
"""The samplers as tables name them."""


def check_steps(steps: int, timesteps: int, sampler: Sampler = "ddim") -> None:
    """Refuse a number of sampling steps that the sampler cannot take.

    DDIM's (and DDPM's) must divide T, for else the last stretch would be skipped. The others take any number from 2, as
    with one there is no step before, to T. Raises ValueError.
    """
    if sampler != "ddim":
        if not 2 <= steps <= timesteps:
            raise ValueError(f"{NAMES[sampler]} takes 2 to T = {timesteps} steps, not {steps}")
    elif not 1 <= steps <= timesteps or timesteps % steps:
        divisors = [n for n in range(1, timesteps + 1) if timesteps % n == 0]
        nearest = min(divisors, key=lambda n: abs(n - steps))
        raise ValueError(f"{steps} steps do not divide T = {timesteps}: take {nearest}, or another divisor")


def ddim_schedule(config: Any, **changed: Any) -> DDIMScheduler:
    """DDIM over evenly spaced steps 0, T/S, 2T/S, …; x̂0 is never clipped and the last step returns it (ᾱ = 1).

    changed: arguments of diffusers' scheduler that are others.
    """
    from diffusers import DDIMScheduler

    usual = {"beta_schedule": "linear", "steps_offset": 0, "set_alpha_to_one": True}
    return DDIMScheduler(
        num_train_timesteps=config.timesteps,
        beta_start=config.beta_start,
        beta_end=config.beta_end,
        timestep_spacing="leading",
        clip_sample=False,
        **(usual | changed),
    )


def ddpm_schedule(config: Any) -> DDPMScheduler:
    """Ho et al.: x̂0 clipped to [-1, 1], the posterior's own variance β̃_t; evenly respaced for fewer than T steps."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(
        num_train_timesteps=config.timesteps,
        beta_start=config.beta_start,
        beta_end=config.beta_end,
        beta_schedule="linear",
        timestep_spacing="leading",
        variance_type="fixed_small",
        clip_sample=True,
    )


def scheduler_of(sampler: Sampler, schedule: DDIMScheduler) -> Scheduler:
    """The sampler's scheduler over the β of `schedule`, which is DDIM's own; x̂0 is never clipped."""
    from diffusers import DPMSolverMultistepScheduler, UniPCMultistepScheduler

    if sampler == "ddim":
        return schedule
    solver = {"dpm++": DPMSolverMultistepScheduler, "unipc": UniPCMultistepScheduler}[sampler]
    betas = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule")
    # Both of second order, over steps evenly spaced in log σ, σ² = (1-ᾱ)/ᾱ, down to σ = 0. Spacing matters more than
    # order: benchmarks/samplers.py gives UniPC an error of 5 at 16 steps and DDIM one of 18 at 64; evenly spaced in t
    # ("trailing", "linspace") UniPC's is 64, and with Karras' σ 19. Third order gains nothing at 16 and loses at 8.
    return solver(
        **{name: schedule.config[name] for name in betas}, use_exponential_sigmas=True, final_sigmas_type="zero"
    )


def started(scheduler: Scheduler, steps: int) -> Scheduler:
    """A new scheduler of the same settings at the beginning of its `steps`, for one trajectory (a batch) alone.

    Raises ValueError for steps that it cannot take.
    """
    sampler = _sampler(scheduler)
    check_steps(steps, scheduler.config.num_train_timesteps, sampler)
    new = type(scheduler).from_config(scheduler.config)
    new.set_timesteps(steps)
    if sampler != "ddim":
        new.set_begin_index(0)  # else looked up by t, which many steps round to the same
    return new


def take_step(
    scheduler: Scheduler,
    noise: torch.Tensor,
    t: int,
    x: torch.Tensor,
    streams: Sequence[torch.Generator] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The next x and x̂0 from x_t and the ε that the network sees in it; streams: of a sampler that adds noise."""
    import torch

    if _sampler(scheduler) == "ddim":
        more = {"generator": list(streams)} if streams else {}
        return scheduler.step(noise, t, x, return_dict=False, **more)  # type: ignore[return-value]
    with torch.autocast(x.device.type, enabled=False):  # the solvers multiply matrices, in full precision
        (before,) = scheduler.step(noise.to(x.dtype), t, x, return_dict=False)
    return before, scheduler.model_outputs[-1]  # type: ignore[union-attr]


def _sampler(scheduler: Scheduler) -> Sampler:
    """Whose scheduler it is; DDPM's steps are DDIM's."""
    from diffusers import DPMSolverMultistepScheduler, UniPCMultistepScheduler

    if isinstance(scheduler, UniPCMultistepScheduler):
        return "unipc"
    return "dpm++" if isinstance(scheduler, DPMSolverMultistepScheduler) else "ddim"


def sample_images(
    denoiser: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    scheduler: Scheduler,
    x_T: torch.Tensor,
    *,
    steps: int,
    streams: Sequence[torch.Generator] | None = None,
    masks: torch.Tensor | None = None,
    on_step: Callable[..., None] | None = None,
) -> torch.Tensor:
    """From t = T down, by a scheduler of this file: x_0 of x_T's shape, raw.

    DDIM's is Eq. (12) of its paper without noise; as in the authors' code, x̂0 is never clipped. DDPM's is Algorithm 2,
    which clips it. streams: where the scheduler adds noise, each sample's is from its own. on_step(step, t, masks, x̂0)
    is called at every step; `masks` are what a conditioned denoiser makes images for, and are only passed on. Raises
    ValueError for `steps` that the sampler cannot take.
    """
    import torch

    scheduler, x = started(scheduler, steps), x_T
    with torch.no_grad():
        for step, t in enumerate(scheduler.timesteps.tolist()):
            noise = denoiser(x, torch.full((len(x),), t, device=x.device))
            x, clean = take_step(scheduler, noise, t, x, streams)
            if on_step is not None:
                on_step(step, t, masks, clean)
    return x
