import numpy as np
import pytest

from kzoo.layers._divisible import make_divisible
from tests.peers import import_timm


@pytest.mark.parametrize("round_limit", [0, 0.9])
@pytest.mark.parametrize(("divisor", "minimum"), [(8, None), (8, 32), (4, None), (1, None)])
def test_timm_rounds_the_same(divisor, minimum, round_limit):
    import_timm()
    from timm.layers import make_divisible as peer

    for value in np.arange(0.5, 200, 0.25):
        assert make_divisible(value, divisor, minimum, round_limit) == peer(
            value, divisor, minimum, round_limit
        )


def test_multiples_stay_and_falls_of_more_than_a_tenth_are_undone():
    assert [make_divisible(n) for n in (8, 16, 24, 4, 19, 27.9)] == [8, 16, 24, 8, 24, 32]
    assert make_divisible(19, round_limit=0) == 16
