"""Tables of trials, and the Pareto front by its definition."""

import csv

import numpy as np

from kzoo.tuning.results import Trial, best_first, pareto_front, table, write_fronts, write_results


def trials(count=60, seed=0):
    random = np.random.default_rng(seed)
    for index in range(count):
        parameters = float(random.integers(1, 30))
        accuracy = round(parameters / 60 + random.uniform(0, 0.5), 2)
        metrics = {"val_accuracy": accuracy, "parameters": parameters}
        yield Trial(index, "completed", metrics, None, {"model": "net", "width": 1 + index})


def dominates(a, b):
    """Whether `a` is nowhere worse than `b`, and somewhere better."""
    first = (a.metrics["val_accuracy"], -a.metrics["parameters"])
    second = (b.metrics["val_accuracy"], -b.metrics["parameters"])
    return first != second and all(x >= y for x, y in zip(first, second))


def test_no_trial_dominates_one_of_the_front_and_each_other_is_dominated():
    found = list(trials())
    front = pareto_front(found, "parameters", "val_accuracy")
    assert len(front) > 2
    assert not any(dominates(other, one) for one in front for other in found)
    of_front = {(t.metrics["val_accuracy"], t.metrics["parameters"]) for t in front}
    for trial in found:
        is_equal = (trial.metrics["val_accuracy"], trial.metrics["parameters"]) in of_front
        assert is_equal or any(dominates(one, trial) for one in front)
    costs = [trial.metrics["parameters"] for trial in front]
    assert costs == sorted(costs)


def test_of_equals_the_smaller_is_better():
    metrics = [(0.5, 9), (0.9, 7), (0.9, 3)]
    found = [
        Trial(i, "completed", {"val_accuracy": a, "parameters": p}, None, {"model": "net", "n": i})
        for i, (a, p) in enumerate(metrics)
    ]
    assert [trial.number for trial in best_first(found, "val_accuracy")] == [2, 1, 0]
    assert pareto_front(found, "latency", "val_accuracy") == []


def test_a_candidate_that_was_trained_further_is_there_once():
    values = {"model": "net", "width": 1.0}
    found = [
        Trial(n, "completed", {"val_accuracy": a, "parameters": 3}, n, dict(values))
        for n, a in enumerate((0.5, 0.9, 0.8))
    ]
    assert [trial.number for trial in best_first(found, "val_accuracy")] == [1]


def test_table_and_file(tmp_path):
    found = [
        *trials(3),
        Trial(
            "3", "failed", {}, None, {"model": "other", "augment": ""}, 1.234, "the loss became x"
        ),
    ]
    text = table(found, "val_accuracy", found[:2])
    lines = text.splitlines()
    assert lines[0].split() == ["val_accuracy", "parameters", "trial", "candidate"]
    assert len(lines) == 3
    write_fronts(tmp_path / "pareto.csv", found, "val_accuracy")
    fronts = list(csv.DictReader((tmp_path / "pareto.csv").read_text().splitlines()))
    assert [row["trial"] for row in fronts] == [
        str(trial.number) for trial in pareto_front(found, "parameters", "val_accuracy")
    ]
    found[0].values["loss"] = "cross_entropy"
    write_results(tmp_path / "results.csv", found)
    header, first = (tmp_path / "results.csv").read_text().splitlines()[:2]
    assert header.split(",").count("loss") == header.split(",").count("recipe.loss") == 1
    assert first.split(",")[header.split(",").index("recipe.loss")] == "cross_entropy"
    rows = list(csv.DictReader((tmp_path / "results.csv").read_text().splitlines()))
    assert [row["status"] for row in rows] == ["completed"] * 3 + ["failed"]
    assert (rows[3]["reason"], rows[3]["seconds"]) == ("the loss became x", "1.23")
    assert rows[0]["width"] == "1"
    assert rows[3]["width"] == ""
