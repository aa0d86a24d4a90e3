"""How numbers are put into words."""

from __future__ import annotations

from functools import partial

from pigbench.reporting.numbers import ABSENT, number, span


def test_a_span_goes_from_the_least_to_the_greatest_number():
    assert span([10.2, 9.8], told=partial(number, digits=1)) == "9.8 to 10.2"
    assert span([-3.0, -12.0], " %", partial(number, digits=0)) == "-12 to -3 %"
    assert span([1.02, None, 1.04], told=partial(number, digits=1)) == "1.0"
    assert span([None]) == span([]) == ABSENT
