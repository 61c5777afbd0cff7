"""Clustering by k-means, in NumPy.

Arthur and Vassilvitskii, k-means++: the advantages of careful seeding (SODA 2007).
"""

import numpy as np


def k_means(points, count, rng, restarts=3, iterations=100):
    """Return the best of several runs of Lloyd's algorithm, begun by k-means++.

    Args:
        points: array (points, dimensions).
        count: number of centres.
        rng: NumPy generator.
        restarts: number of runs; the one with the smallest sum of squared distances counts.
        iterations: largest number of steps of a run.

    Returns:
        Centres, (count, dimensions).
    """
    best, best_cost = None, np.inf
    for _ in range(restarts):
        centers = _spread_centers(points, count, rng)
        labels = None
        for _ in range(iterations):
            distances = _squared_distances(points, centers)
            previous, labels = labels, distances.argmin(axis=1)
            if previous is not None and np.array_equal(previous, labels):
                break
            centers = _means(points, labels, centers, distances.min(axis=1))
        cost = _squared_distances(points, centers).min(axis=1).sum()
        if cost < best_cost:
            best, best_cost = centers, cost
    return best


def _spread_centers(points, count, rng):
    """Draw points as centres, each in proportion to its squared distance to those before it."""
    chosen = [points[rng.integers(len(points))]]
    nearest = _squared_distances(points, np.array(chosen))[:, 0]
    while len(chosen) < count:
        chosen.append(points[rng.choice(len(points), p=nearest / nearest.sum())])
        nearest = np.minimum(nearest, _squared_distances(points, chosen[-1][None])[:, 0])
    return np.array(chosen)


def _squared_distances(points, centers):
    """Return (points, centers), not below 0."""
    squares = np.sum(points**2, axis=1)[:, None] + np.sum(centers**2, axis=1)
    return np.maximum(squares - 2 * points @ centers.T, 0)


def _means(points, labels, centers, distances):
    """Return the mean of each cluster; an empty one moves to the point farthest from its centre."""
    counts = np.bincount(labels, minlength=len(centers))
    sums = [np.bincount(labels, values, minlength=len(centers)) for values in points.T]
    means = np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None]
    farthest = np.argsort(distances)[::-1]
    for i, k in enumerate(np.flatnonzero(counts == 0)):
        means[k] = points[farthest[i]]
    return means
