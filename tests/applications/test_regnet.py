"""The stages that follow from RegNet's equations, against those that the paper prints."""

import pytest

from kzoo.applications.regnet import VARIANTS, stages

# Radosavovic et al., figures 16 and 17: widths, blocks and group width.
PRINTED = {
    "regnetx_002": ((24, 56, 152, 368), (1, 1, 4, 7), 8),
    "regnetx_004": ((32, 64, 160, 384), (1, 2, 7, 12), 16),
    "regnetx_032": ((96, 192, 432, 1008), (2, 6, 15, 2), 48),
    "regnetx_320": ((336, 672, 1344, 2520), (2, 7, 13, 1), 168),
    "regnety_002": ((24, 56, 152, 368), (1, 1, 4, 7), 8),
    "regnety_320": ((232, 696, 1392, 3712), (2, 5, 12, 1), 232),
}


@pytest.mark.parametrize("name", PRINTED)
def test_stages_are_those_of_the_paper(name):
    widths, blocks, group = PRINTED[name]
    assert stages(VARIANTS[name]) == [(width, group, count) for width, count in zip(widths, blocks)]


@pytest.mark.parametrize("name", VARIANTS)
def test_groups_divide_the_inside_of_every_block(name):
    config = VARIANTS[name]
    rows = stages(config)
    assert len(rows) == 4
    assert sum(blocks for _, _, blocks in rows) == config.depth
    for width, group, _ in rows:
        assert width * config.bottleneck_ratio % group == 0
