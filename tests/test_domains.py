"""What values a hyperparameter may take."""

import pytest

from kzoo.domains import Choice, Float, Int


def test_defaults():
    assert Choice((3, 1, 2)).default == 3
    assert Choice((1, 2, 0.5)).values == (1.0, 2.0, 0.5)
    assert Choice(("a", "b", "a")).values == ("a", "b")
    assert Int(1, 5).default == 3
    assert (Int(1, 64, log=True).default, Int(1, 64, log=True).step) == (8, 2)
    assert Float(0, 1).default == 0.5
    assert Float(1e-4, 1e-2, log=True).default == pytest.approx(1e-3)
    assert Float(0.0, 0.5, step=0.1).default == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Choice("ab"), TypeError, "values must be a tuple; received 'ab'"),
        (lambda: Choice(()), ValueError, "must have at least one value"),
        (lambda: Choice((1, "a")), TypeError, "all numbers, all names or all truth values"),
        (lambda: Choice((None, "a")), TypeError, "all numbers, all names or all truth values"),
        (lambda: Choice((1, 2), 3), ValueError, "default must be one of its values 1, 2; rec"),
        (lambda: Int(1.5, 2), TypeError, "low must be an integer; received 1.5"),
        (lambda: Int(3, 2), ValueError, r"low must be at most high \(2\); received 3"),
        (lambda: Int(0, 2, log=True), ValueError, "low must be at least 1; received 0"),
        (lambda: Int(1, 2, step=0), ValueError, "step must be at least 1; received 0"),
        (lambda: Int(1, 2, default=3), ValueError, "default must be from 1 to 2; received 3"),
        (lambda: Float("a", 2), TypeError, "low must be a number; received 'a'"),
        (lambda: Float(0, float("inf")), TypeError, "high must be a number; received inf"),
        (lambda: Float(0, 1, log=True), ValueError, "low must be above 0 with log=True; rec"),
        (lambda: Float(0, 1, step=-1), ValueError, "step must be above 0 or None; received -1"),
        (lambda: Float(1, 2, step=1, log=True), ValueError, "step cannot go with log=True"),
        (lambda: Float(0, 1, default=2), ValueError, "default must be from 0.0 to 1.0; received"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()
