import numpy as np

import kzoo
from kzoo.applications.lenet import C3_TABLE


def test_the_papers_table_has_60_links_and_c3_the_papers_1516_parameters():
    assert np.sum(C3_TABLE) == 60
    model = kzoo.create_model("lenet5", connections="paper")
    assert model.get_layer("c3").count_params() == 1_516
    # 61,706 of the fully connected form, less 2,416 in C3.
    assert kzoo.analysis.count_parameters(model) == 61_706 - 2_416 + 1_516


def test_first_six_maps_of_c3_see_three_neighbours_and_the_last_one_all():
    table = np.array(C3_TABLE)
    assert table.sum(axis=0).tolist() == [3] * 6 + [4] * 9 + [6]
    for first in range(6):
        neighbours = sorted({first, (first + 1) % 6, (first + 2) % 6})
        assert np.flatnonzero(table[:, first]).tolist() == neighbours
