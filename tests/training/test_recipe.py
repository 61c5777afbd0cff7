"""Recipes: what they fill in, keep and refuse."""

import json

import numpy as np
import pytest

from kzoo.training import Recipe


def test_round_trip_through_json():
    recipe = Recipe(
        epochs=7,
        optimizer="sgd",
        schedule="step",
        augment=("flip", "crop=2"),
        class_weights={0: 1, "dog": 2.5},
        clip=1,
        early_stopping=3,
    )
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    ("optimizer", "rate", "decay"), [("sgd", 0.01, 0), ("adam", 1e-3, 0), ("adamw", 1e-3, 0.01)]
)
def test_defaults_depend_on_the_optimizer(optimizer, rate, decay):
    recipe = Recipe(optimizer=optimizer)
    assert (recipe.learning_rate, recipe.weight_decay) == (rate, decay)


@pytest.mark.parametrize(
    ("settings", "warmup"),
    [
        ({"epochs": 100}, 1),
        ({"epochs": 5}, 0.5),
        ({"epochs": 1}, 0.1),
        ({"schedule": "constant"}, 0),
        ({"epochs": 100, "warmup_epochs": 5}, 5),
    ],
)
def test_default_warmup(settings, warmup):
    assert Recipe(**settings).warmup_epochs == warmup


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1; received 0"),
        ({"batch_size": -4}, "batch_size must be at least 1; received -4"),
        ({"seed": -1}, "seed must be at least 0; received -1"),
        ({"early_stopping": 0}, "early_stopping must be at least 1; received 0"),
        ({"learning_rate": 0}, "learning_rate must be above 0; received 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0; received nan"),
        ({"momentum": 1}, "momentum must be at least 0 and below 1; received 1"),
        ({"weight_decay": -0.1}, "weight_decay must be at least 0; received -0.1"),
        ({"label_smoothing": 1.0}, "label_smoothing must be at least 0 and below 1"),
        ({"validation_split": 1.0}, "validation_split must be at least 0 and below 1"),
        ({"step_factor": 0}, "step_factor must be above 0; received 0"),
        ({"clip": 0.0}, "clip must be above 0; received 0.0"),
        ({"milestones": (0.5, 1.5)}, "each of milestones must be above 0 and below 1"),
        (
            {"warmup_epochs": 3, "epochs": 3},
            r"warmup_epochs must be below epochs \(3\); received 3",
        ),
        ({"optimizer": "lion"}, "optimizer must be one of 'sgd', .*, 'muon'; received 'lion'"),
        ({"schedule": "linear"}, "schedule must be one of 'constant', 'cosine', 'step', 'poly"),
        ({"loss": "hinge"}, "loss must be one of 'cross_entropy', 'binary_cross_entropy'; rec"),
        ({"interpolation": "cubic"}, "interpolation must be one of None, 'bilinear', 'bicubic'"),
        ({"accumulate": 0}, "accumulate must be at least 1; received 0"),
        ({"frozen_epochs": -1}, "frozen_epochs must be at least 0; received -1"),
        ({"frozen_epochs": 21}, r"frozen_epochs must be at most epochs \(20\); received 21"),
        (
            {"epochs": 9, "frozen_epochs": 7, "warmup_epochs": 2},
            r"warmup_epochs must be below the epochs that are not frozen \(2\); received 2",
        ),
        ({"layer_decay": 1.5}, "layer_decay must be above 0 and at most 1; received 1.5"),
        ({"ema": 1}, "ema must be above 0 and below 1; received 1"),
        ({"progressive": 1.0}, "progressive must be above 0 and below 1; received 1.0"),
        ({"test_crop": 0}, "test_crop must be above 0 and at most 1; received 0"),
        ({"distillation": 0}, "distillation must be above 0 and at most 1; received 0"),
        ({"mixup": -1}, "mixup must be at least 0; received -1"),
        ({"mixup": 0.1, "class_weights": "balanced"}, "class_weights cannot go with mixup or cut"),
        (
            {"target_threshold": 0.2},
            "target_threshold belongs to loss='binary_cross_entropy'; received it with 'cross_",
        ),
        (
            {"clip": 1.0, "accumulate": 4, "layer_decay": 0.8},
            r"clip cannot go with accumulate \(4\) and layer_decay \(0.8\) together",
        ),
        (
            {"clip": 1.0, "accumulate": 4, "optimizer": "lamb"},
            r"clip cannot go with accumulate \(4\) and lamb together",
        ),
        ({"precision": "float16"}, "precision must be one of 'float32', 'mixed_float16'"),
        ({"xla": True}, "xla must be one of 'auto', 'on', 'off'; received True"),
        ({"class_weights": "equal"}, "class_weights must be None, 'balanced', or a mapping"),
        ({"class_weights": {"a": -1}}, r"class_weights\['a'\] must be at least 0; received -1"),
    ],
)
def test_refused_values(settings, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 2.5}, "epochs must be an integer; received 2.5"),
        ({"learning_rate": "fast"}, "learning_rate must be a number; received 'fast'"),
        ({"nesterov": 1}, "nesterov must be True or False; received 1"),
        ({"augment": "flip"}, "augment must be a tuple of names; received 'flip'"),
        ({"augment": None}, "augment must be a tuple of names; received None"),
        ({"milestones": 0.5}, "milestones must be a tuple; received 0.5"),
        ({"accumulate": None}, "accumulate must be an integer; received None"),
        ({"layer_decay": None}, "layer_decay must be a number; received None"),
        ({"mixup": None}, "mixup must be a number; received None"),
    ],
)
def test_refused_types(settings, message):
    with pytest.raises(TypeError, match=message):
        Recipe(**settings)


def test_numbers_of_numpy_are_plain_in_json():
    recipe = Recipe(epochs=np.int64(3), learning_rate=np.float32(0.5), seed=np.int32(4))
    assert (
        json.loads(json.dumps(recipe.to_dict()))
        == Recipe(epochs=3, learning_rate=0.5, seed=4).to_dict()
    )


def test_unknown_field_of_a_saved_recipe():
    with pytest.raises(ValueError, match="a recipe has no epoch; it may have epochs, batch_size"):
        Recipe.from_dict({"epoch": 3})
