import numpy as np
import pytest

from kzoo.layers._k_means import k_means


def blobs(count, dimensions, size=60, seed=0):
    """Return points about `count` distant centres, in random order, and the centres."""
    rng = np.random.default_rng(seed)
    centers = 10 * rng.normal(size=(count, dimensions))
    points = np.repeat(centers, size, axis=0) + 0.1 * rng.normal(size=(count * size, dimensions))
    return rng.permutation(points), centers


def in_order(centers):
    return centers[np.argsort(centers[:, 0])]


@pytest.mark.parametrize(("count", "dimensions"), [(1, 2), (4, 2), (12, 8)])
def test_k_means_finds_planted_centers_as_scikit_learn_does(count, dimensions):
    cluster = pytest.importorskip("sklearn.cluster")
    points, planted = blobs(count, dimensions)
    found = in_order(k_means(points, count, np.random.default_rng(0)))
    fitted = cluster.KMeans(count, n_init=10, random_state=0).fit(points)
    np.testing.assert_allclose(found, in_order(fitted.cluster_centers_), rtol=0, atol=1e-6)
    np.testing.assert_allclose(found, in_order(planted), rtol=0, atol=0.1)


def test_k_means_finds_an_optimum_about_as_good_as_that_of_scikit_learn():
    cluster = pytest.importorskip("sklearn.cluster")
    points = np.random.default_rng(0).normal(size=(800, 3))
    centers = k_means(points, 10, np.random.default_rng(0))
    cost = np.square(points[:, None] - centers).sum(axis=2).min(axis=1).sum()
    fitted = cluster.KMeans(10, n_init=3, random_state=0).fit(points)
    assert cost < 1.05 * fitted.inertia_


def test_k_means_with_as_many_centers_as_different_points():
    points = np.repeat(np.arange(6.0).reshape(3, 2), 4, axis=0)
    found = k_means(points, 3, np.random.default_rng(0))
    np.testing.assert_allclose(in_order(found), np.arange(6.0).reshape(3, 2))
