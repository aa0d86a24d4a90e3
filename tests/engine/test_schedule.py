"""Which node next: inputs first, each once, failures contained."""

from __future__ import annotations

from pigbench.engine.schedule import Schedule
from pigbench.stages.node import Node, Purpose


def make(name: str, *inputs: Node, stage: str = "train", generator: str | None = None) -> Node:
    return Node(stage, name, {}, {f"i{k}": other for k, other in enumerate(inputs)}, Purpose(name, generator))


def diamond() -> tuple[Node, Node, Node, Node]:
    base = make("base")
    left, right = make("left", base), make("right", base)
    return base, left, right, make("top", left, right)


def run_all(schedule: Schedule) -> list[str]:
    order = []
    while node := schedule.next():
        order.append(node.key)
        schedule.succeeded(node)
    assert schedule.finished
    return order


def test_inputs_come_first_and_everything_once() -> None:
    *_, top = diamond()
    order = run_all(Schedule([top, top], lambda node: False))
    assert sorted(order) == ["base", "left", "right", "top"]
    assert order[0] == "base"
    assert order[-1] == "top"


def test_what_is_there_is_not_wanted_nor_what_only_it_needs() -> None:
    *_, top = diamond()
    assert Schedule([top], lambda node: node.key == "top").finished
    assert sorted(run_all(Schedule([top], lambda node: node.key == "left"))) == ["base", "right", "top"]


def test_a_failure_takes_with_it_only_what_rests_on_it() -> None:
    base, left, right, top = diamond()
    schedule = Schedule([top, right], lambda node: False)
    schedule.succeeded(schedule.next())
    assert schedule.next() is left
    schedule.fail(left, "lost")
    assert schedule.failed == {"left": "lost", "top": "train left: lost"}
    assert run_all(schedule) == ["right"]


def test_a_damaged_input_is_wanted_again_before_its_user() -> None:
    base, left, right, top = diamond()
    present = {"base", "left", "right"}
    schedule = Schedule([top], lambda node: node.key in present)
    node = schedule.next()
    assert node is top
    present.remove("left")
    schedule.again(top)
    assert run_all(schedule) == ["left", "top"]


def test_the_start_of_the_longest_chain_goes_first() -> None:
    short = make("short", stage="split")
    first = make("first", stage="split")
    chain = make("end", make("middle", first))
    schedule = Schedule([short, chain], lambda node: False)
    assert schedule.next() is first


def test_a_real_sets_features_are_begun_before_short_chains_as_all_distances_wait_for_them() -> None:
    prepared = make("prepared", stage="prepare")
    real, generated = (
        make("real", prepared, stage="embed"),
        make("generated", make("chunk", stage="sample"), stage="embed", generator="pig"),
    )
    schedule = Schedule([make("distance", real, generated, stage="fidelity")], lambda node: node.key == "prepared")
    assert schedule.next() is real


def test_a_node_whose_damaged_input_cannot_be_made_again_fails_with_it() -> None:
    base, left, right, top = diamond()
    present = {"base", "left", "right"}
    schedule = Schedule([top, left], lambda node: node.key in present)
    assert schedule.next() is top
    schedule.failed["left"] = "its file is gone"
    schedule.again(top)
    assert schedule.failed["top"] == "train left: its file is gone"
    assert schedule.finished


def test_a_node_that_another_run_published_meanwhile_is_done() -> None:
    present: set[str] = set()
    base, left, right, top = diamond()
    schedule = Schedule([top], lambda node: node.key in present)
    assert schedule.next() is base
    present.add("base")
    schedule.again(base)
    assert run_all(schedule)[-1] == "top"
