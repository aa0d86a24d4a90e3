"""What a study has found so far: its trials as plain data, the best of them, and what all of them cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pigbench.errors import PigbenchError, did_you_mean
from pigbench.planning.configured import Tuned
from pigbench.tuning.study import was_cut_off
from pigbench.tuning.trial import OBJECTIVES, Objective

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

State = Literal["complete", "pruned", "failed", "cut off", "running"]
STATES: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


@dataclass(frozen=True)
class Tried:
    """One trial. value: the objective; of a pruned one as far as it came. wall_s, cpu_s, gpu_s: of nodes that no
    earlier trial of the study had computed. reason: why it failed.
    """

    number: int
    state: State
    value: float | None
    params: dict[str, Any]
    wall_s: float
    cpu_s: float
    gpu_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Findings:
    """A study as it stands. about: what decides its trials. facts: the names of its preset and dataset, and how many
    patients it tunes on. trials: in the order in which they began.
    """

    study: str
    about: dict[str, Any]
    facts: dict[str, Any]
    trials: tuple[Tried, ...]

    @property
    def objective(self) -> Objective:
        """What its trials are judged by."""
        return OBJECTIVES[self.about["group"]]

    @property
    def ended(self) -> list[Tried]:
        """The trials that count: neither cut off nor still running."""
        return [trial for trial in self.trials if trial.state in STATES.values()]

    @property
    def ranked(self) -> list[Tried]:
        """The complete trials, the best first."""
        sign = 1 if self.objective.direction == "minimize" else -1
        complete = [trial for trial in self.trials if trial.state == "complete" and trial.value is not None]
        return sorted(complete, key=lambda trial: sign * (trial.value or 0.0))

    def tuned(self) -> Tuned:
        """The best configuration and what it took to find. Raises PigbenchError where no trial is complete."""
        if not self.ranked:
            raise PigbenchError(
                f"study '{self.study}' has no complete trial yet: go on with "
                f"`pigbench tune {self.about['group'].removesuffix('s')} {self.about['plugin']}`"
            )
        best, states = self.ranked[0], [trial.state for trial in self.ended]
        return Tuned(
            study=self.study,
            group=self.about["group"],
            plugin=self.about["plugin"],
            set_aside=self.about["protocol"]["set_aside"],
            patients=self.facts["patients"],
            trials=len(states),
            pruned=states.count("pruned"),
            failed=states.count("failed"),
            objective=self.objective.name,
            value=best.value or 0.0,
            params=best.params,
            wall_s=round(sum(trial.wall_s for trial in self.trials), 1),
            cpu_s=round(sum(trial.cpu_s for trial in self.trials), 1),
            gpu_s=round(sum(trial.gpu_s for trial in self.trials), 1),
        )


def find_study(storage: BaseStorage, name: str) -> Findings | None:
    """The study of that name; None if there is none. Raises PigbenchError for a study that another program made."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return None
    attributes = study.user_attrs
    if attributes.get("about", {}).get("group") not in OBJECTIVES:
        raise PigbenchError(f"'{name}' is not a study of `pigbench tune`")
    return Findings(name, attributes["about"], attributes["facts"], _tried(study.get_trials(deepcopy=False)))


def read_study(storage: BaseStorage, name: str) -> Findings:
    """As `find_study`. Raises PigbenchError with the nearest names if there is none."""
    import optuna

    found = find_study(storage, name)
    if found is None:
        raise PigbenchError(did_you_mean("study", name, optuna.get_all_study_names(storage)))
    return found


def _tried(trials: list[FrozenTrial]) -> tuple[Tried, ...]:
    counted: set[str] = set()
    rows = []
    for trial in trials:
        costs = {key: cost for key, cost in trial.user_attrs.get("costs", {}).items() if key not in counted}
        counted |= costs.keys()
        rows.append(
            Tried(
                number=trial.number,
                state="cut off" if was_cut_off(trial) else STATES.get(trial.state.name, "running"),
                value=trial.value,
                params=trial.params,
                wall_s=sum(cost[0] for cost in costs.values()),
                cpu_s=sum(cost[1] for cost in costs.values()),
                gpu_s=sum(cost[2] for cost in costs.values() if cost[2:]),  # older studies do not say
                reason=trial.user_attrs.get("reason", ""),
            )
        )
    return tuple(rows)
