"""Arms and their names, and the ways to use pairs, from what a user gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pigbench.errors import PigbenchError
from pigbench.planning.arms import Arm, Use, chosen_uses
from pigbench.planning.configured import choose_generator
from pigbench.protocol import load_preset
from pigbench.results.described import Arm as RecordedArm
from pigbench.results.naming import row_name

PIG = choose_generator("pig", load_preset("smoke").diffusion, {})


def test_pairs_are_mixed_at_the_natural_share_or_a_given_one():
    assert chosen_uses([]) == (Use(),)
    assert chosen_uses(["mix:0.25", "mix", "mix"]) == (Use("mix", 0.25), Use())
    assert chosen_uses(["pretrain", "pretrain:0.5", "pretrain:0.2"]) == (Use("pretrain"), Use("pretrain", 0.2))


def test_ways_may_stand_in_one_text_and_shares_that_are_shown_alike_are_one():
    assert chosen_uses(["mix,pretrain", "filter"]) == (Use(), Use("pretrain"), Use("filter"))
    assert chosen_uses(["mix:0.3333333", "mix:0.33333333"]) == (Use("mix", 0.333333),)


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ("mux", "unknown way in --use 'mux'"),
        ("mix:", "--use mix:: give a share between 0 and 1, such as mix:0.25"),
        ("mix:0", "give a share"),
        ("mix:1", "give a share"),
        ("mix:half", "give a share"),
        ("mix:nan", "give a share"),
    ],
)
def test_other_uses_are_refused(use, said):
    with pytest.raises(PigbenchError, match=said):
        chosen_uses([use])


@pytest.mark.parametrize(
    ("arm", "name", "row"),
    [
        (Arm(), "real", "real only"),
        (Arm(stretch=2), "real_2x_steps", "real only, 2x steps"),
        (Arm(train_patients=16), "real (16 patients)", "real only (16 patients)"),
        (Arm(stretch=2, train_patients=1), "real_2x_steps (1 patient)", "real only, 2x steps (1 patient)"),
        (Arm(PIG, 512), "real+pig_512", "+pig_512"),
        (Arm(PIG, 512, stretch=2), "real+pig_512_2x_steps", "+pig_512, 2x steps"),
        (Arm(PIG, 512, alone=True), "pig_512", "pig_512 only"),
        (Arm(PIG, 512, alone=True, train_patients=8), "pig_512 (8 patients)", "pig_512 only (8 patients)"),
        (
            Arm(PIG, 512, way=Use("mix", 0.25), train_patients=8),
            "real+pig_512 (8 patients, mix:0.25)",
            "+pig_512 (8 patients, mix:0.25)",
        ),
    ],
)
def test_a_name_tells_arms_apart_and_its_row_reads_well(arm, name, row):
    assert arm.name == name
    generator = arm.generator.label if arm.generator else None
    told = {part: getattr(arm, part) for part in ("n", "use", "share", "stretch", "train_patients")}
    recorded = RecordedArm(arm=name, generator=generator, **told)
    assert row_name(recorded) == row
    assert replace(arm, train_patients=99).name != name
