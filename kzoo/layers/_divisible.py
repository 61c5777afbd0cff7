"""Numbers of channels rounded to multiples that hardware likes."""


def make_divisible(value, divisor=8, minimum=None, round_limit=0.9):
    """Return the multiple of `divisor` nearest to `value`, but not too far below it.

    The rule of the MobileNet family (Sandler et al., MobileNetV2, CVPR 2018, in its published
    code), with which timm rounds the widths of bottlenecks and squeezes.

    Args:
        value: number of channels, not necessarily whole.
        divisor: what the result is a multiple of.
        minimum: smallest result; None for `divisor`.
        round_limit: the next multiple is taken where the nearest is below this part of `value`.
    """
    smallest = divisor if minimum is None else minimum
    nearest = max(smallest, int(value + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < round_limit * value else nearest
