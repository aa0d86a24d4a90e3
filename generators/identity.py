"""Identity: copies of training pairs. An A/A test: it adds nothing, so the interval of its gain must cover 0."""

from __future__ import annotations

from pigbench.contracts import Generator, Pairs, SampleRequest


class Identity(Generator):
    """Control: the training pairs again, in successive seeded permutations."""

    kind = "pairs"
    channels = (1, 3)
    most_classes = None
    is_control = True

    def sample(self, trained: object, request: SampleRequest) -> Pairs:
        """Copies of training cases."""
        assert request.view is not None
        return request.view.pairs(request.cases)
