"""The search space of some models: what is in it, and what its candidates stand for."""

import keras_tuner
import pytest

from kzoo.data import DataSpec
from kzoo.training import Recipe
from kzoo.training.setup import Setup, Start
from kzoo.tuning import Choice, Float, Int, ZooHyperModel
from kzoo.tuning.space import MODEL

SIGNALS = DataSpec("signals", "signal", (40, 1), ("a", "b", "c"), {"train": 192, "validation": 48})
DIGITS = DataSpec("digits", "image", (8, 8, 1), tuple("0123456789"), {"train": 1400})
SQUARES = DataSpec("squares", "image", (96, 96, 3), ("cat", "dog"), {"train": 500})
PHOTOS = DataSpec("photos", "image", (None, None, 3), ("cat", "dog"), {"train": 500})


def names(hypermodel):
    return {dimension.name for dimension in hypermodel.space.dimensions}


def draw(hypermodel, count, seed=0):
    """Return values that keras-tuner's random search would draw."""
    oracle = keras_tuner.oracles.RandomSearchOracle("val_loss", max_trials=count, seed=seed + 1)
    hp = oracle.get_space()
    hypermodel.declare_hyperparameters(hp)
    oracle.update_space(hp)
    return [oracle.populate_space(str(index))["values"] for index in range(count)]


@pytest.mark.parametrize(
    ("model", "spec", "fixed"),
    [
        ("mnist1d_resnet", SIGNALS, {}),
        ("mnist1d_resnet", SIGNALS, {"optimizer": "sgd"}),
        ("mnist1d_resnet", SIGNALS, {"optimizer": "lamb", "schedule": "constant"}),
        ("mnist1d_resnet.mnist1d", SIGNALS, {}),
        ("mnist1d_resnet.mnist1d", SIGNALS, {"epochs": 50}),
        ("resnet20_cifar", DIGITS, {}),
        ("mobilenetv2_100", PHOTOS, {}),
        ("mobilenetv2_100", PHOTOS, {"image_size": 48}),
        ("mobilenetv2_100", SQUARES, {}),
        ("resnet50.a1_in1k", PHOTOS, {"epochs": 10, "optimizer": "sgd"}),
    ],
)
def test_the_first_candidate_is_what_kzoo_train_would_do(model, spec, fixed):
    setup = ZooHyperModel(model, spec, recipe=fixed).setup_of({})
    expected = Setup.of(Start.of(model), spec, fixed, say=lambda line: None)
    found = setup.recipe.to_dict() | {"image_size": expected.recipe.image_size}
    assert Recipe.from_dict(found) == expected.recipe
    assert setup.views == expected.views
    assert setup.options == setup.options | expected.options


def test_the_first_of_several_optimisers_decides_on_the_weight_decay():
    space = {"optimizer": Choice(("sgd", "adamw"))}
    recipe = ZooHyperModel("mnist1d_resnet", SIGNALS, space).setup_of({}).recipe
    assert recipe == Setup.of(Start.of("mnist1d_resnet"), SIGNALS, {"optimizer": "sgd"}).recipe


@pytest.mark.parametrize(
    ("models", "spec"),
    [(["udl_*", "mnist1d_resnet"], SIGNALS), (["lenet5", "resnet20_cifar", "p4cnn"], DIGITS)],
)
def test_every_candidate_can_be_built(models, spec):
    hypermodel = ZooHyperModel(models, spec)
    seen = set()
    for values in draw(hypermodel, 25):
        setup = hypermodel.setup_of(values)
        model = setup.build()
        assert model.output_shape == (None, spec.classes)
        seen.add((setup.name, setup.recipe.optimizer))
    assert len(seen) > 3


def test_a_hyperparameter_exists_where_it_makes_a_difference():
    hypermodel = ZooHyperModel(["udl_conv1d", "udl_dense", "mnist1d_resnet"], SIGNALS)
    for values in draw(hypermodel, 30):
        active = hypermodel.space.active(values)
        # There is no convolution in udl_dense, and dropout in mnist1d_resnet alone.
        assert ("conv" in active) == (active[MODEL] != "udl_dense")
        assert ("dropout_rate" in active) == (active[MODEL] == "mnist1d_resnet")
        # The defaults are 0.001 and 0.003 for "adamw", and 0.01 for "sgd".
        low, high = {"adamw": (1e-4, 3e-2), "sgd": (1e-3, 1e-1)}[active["optimizer"]]
        assert low <= active["learning_rate"] <= high


def test_ranges_are_widened_narrowed_added_and_fixed():
    changes = {
        "learning_rate": Float(1e-5, 1.0, log=True),
        "conv": Choice(("standard", "locally_connected")),
        "clip": Choice((0.5, 1.0)),
        "optimizer": "sgd",
        "batch_size": 48,
    }
    hypermodel = ZooHyperModel("udl_conv1d", SIGNALS, changes, recipe={"momentum": 0.8})
    domains = {dimension.name: dimension.domain for dimension in hypermodel.space.dimensions}
    assert domains["learning_rate"] == changes["learning_rate"]
    assert domains["conv"] == changes["conv"]
    assert {"optimizer", "batch_size"}.isdisjoint(domains)
    for values in draw(hypermodel, 10):
        recipe = hypermodel.setup_of(values).recipe
        assert (recipe.optimizer, recipe.batch_size, recipe.momentum) == ("sgd", 48, 0.8)
        assert recipe.clip in (0.5, 1.0)
        assert 1e-5 <= recipe.learning_rate <= 1


def test_an_argument_of_the_family_has_the_range_that_is_given():
    hypermodel = ZooHyperModel("mnist1d_resnet", SIGNALS, {"kernel_size": Choice((3, 7))})
    drawn = {hypermodel.setup_of(values).options["kernel_size"] for values in draw(hypermodel, 20)}
    assert drawn == {3, 7}


def test_values_come_back_as_they_were_given():
    changes = {"freeze_norm": Choice((True, False)), "batch_size": Int(16, 64, log=True)}
    hypermodel = ZooHyperModel("udl_conv1d", SIGNALS, changes)
    for values in [*draw(hypermodel, 5), {"batch_size": 16.0, "freeze_norm": 1}]:
        recipe = hypermodel.setup_of(values).recipe
        assert isinstance(recipe.freeze_norm, bool)
        assert isinstance(recipe.batch_size, int)


@pytest.mark.parametrize("optimizer", ["adam", Choice(("lamb", "muon"))])
def test_any_optimiser_has_its_learning_rates(optimizer):
    hypermodel = ZooHyperModel("udl_conv1d", SIGNALS, {"optimizer": optimizer})
    rates = {hypermodel.setup_of(v).recipe.learning_rate for v in draw(hypermodel, 10)}
    assert len(rates) == 10


def test_the_top_of_a_range_with_steps_is_drawn():
    hp = keras_tuner.HyperParameters()
    changes = {"label_smoothing": Float(0.0, 0.6, step=0.1)}
    ZooHyperModel("udl_dense", SIGNALS, changes).space.declare(hp)
    found = next(p for p in hp.space if p.name == "label_smoothing")
    assert max(found.values) == pytest.approx(0.6)


def test_what_starts_from_scratch_is_not_frozen():
    hypermodel = ZooHyperModel(["mnist1d_resnet", "mnist1d_resnet.mnist1d"], SIGNALS)
    assert "layer_decay" in names(hypermodel)
    scratch = hypermodel.setup_of({MODEL: "mnist1d_resnet"}).recipe
    assert (scratch.frozen_epochs, scratch.layer_decay) == (0, 1.0)
    tuned = hypermodel.setup_of({MODEL: "mnist1d_resnet.mnist1d"}).recipe
    assert (tuned.frozen_epochs, tuned.layer_decay) == (4, 0.8)


def test_short_trials_warm_up_for_half_at_most():
    hypermodel = ZooHyperModel("udl_conv1d", SIGNALS, recipe={"warmup_epochs": 5, "epochs": 81})
    assert hypermodel.setup_of({}, 1).recipe.warmup_epochs == 0.5
    assert hypermodel.setup_of({}, 81).recipe.warmup_epochs == 5


def test_weights_are_averaged_over_the_same_share_of_a_shorter_training():
    hypermodel = ZooHyperModel("udl_conv1d", SIGNALS, recipe={"ema": 0.99, "epochs": 30})
    assert hypermodel.setup_of({}, 3).recipe.ema == pytest.approx(0.9)
    assert hypermodel.setup_of({}, 30).recipe.ema == pytest.approx(0.99)


def test_without_an_optimiser_to_choose_there_is_one_learning_rate():
    hypermodel = ZooHyperModel("udl_conv1d", SIGNALS, {"optimizer": "adamw"})
    rates = [d for d in hypermodel.space.dimensions if d.name == "learning_rate"]
    assert [(rate.key, rate.when) for rate in rates] == [("learning_rate", None)]


def test_weights_keep_the_network_and_add_freezing():
    photos = ZooHyperModel("resnet50.a1_in1k", PHOTOS)
    assert {"freeze", "layer_decay", "frozen_epochs", "image_size"} <= names(photos)
    assert {"conv", "width", "depth"}.isdisjoint(names(photos))
    setup = photos.setup_of({"freeze": "P3"})
    assert setup.options["weights"] == "a1_in1k"
    assert setup.recipe.freeze == "P3"
    assert photos.setup_of({"freeze": "none"}).recipe.freeze is None


def test_candidates_of_few_epochs_keep_some_for_the_whole_network():
    hypermodel = ZooHyperModel("mnist1d_resnet", SIGNALS, weights="mnist1d")
    recipe = hypermodel.setup_of({"frozen_epochs": 8}, 4).recipe
    assert (recipe.epochs, recipe.frozen_epochs) == (4, 2)
    recipe = hypermodel.setup_of({"frozen_epochs": 8}, 6, 4).recipe
    assert (recipe.epochs, recipe.frozen_epochs) == (2, 0)


@pytest.mark.parametrize(
    ("models", "changes", "message"),
    [
        ("resnett50", {}, "there is no model 'resnett50'; did you mean resnet50"),
        ("alexnet*", {}, "no model for signals matches 'alexnet\\*'"),
        ([], {}, "models must name at least one model"),
        ("lenet5", {}, "lenet5 takes images and signals has signals"),
        ("udl_conv1d", {"widht": 2}, "no hyperparameter 'widht' for these models; there are acc"),
        ("udl_conv1d", {"seed": Choice((0, 1))}, "seed cannot be searched: candidates must be"),
        ("udl_conv1d", {"batch_size": -1}, "batch_size must be at least 1; received -1"),
        ("udl_conv1d", {"batch_size": Choice((8, 0))}, "batch_size must be at least 1; received 0"),
        ("udl_conv1d", {"conv": Choice(("standard", "tilde"))}, "conv must be one of .*'tilde'"),
        ("udl_conv1d", {"augment": Choice(("", "shfit"))}, "shfit"),
        ("udl_conv1d", {"learning_rate": Float(-1, 1)}, "learning_rate must be above 0; received"),
    ],
)
def test_refusals(models, changes, message):
    with pytest.raises(ValueError, match=message):
        ZooHyperModel(models, SIGNALS, changes)


def test_an_empty_space():
    every = dict.fromkeys(names(ZooHyperModel("udl_dense", SIGNALS)) - {MODEL})
    defaults = ZooHyperModel("udl_dense", SIGNALS).space.active({})
    fixed = {name: defaults[name] for name in every}
    with pytest.raises(ValueError, match="nothing to search: every hyperparameter of udl_dense"):
        ZooHyperModel("udl_dense", SIGNALS, fixed)


def test_the_data_must_be_described():
    with pytest.raises(TypeError, match="must be a kzoo.data.DataSpec; received 'digits'"):
        ZooHyperModel("lenet5", "digits")
    with pytest.raises(ValueError, match="a recipe has no epoch"):
        ZooHyperModel("udl_dense", SIGNALS, recipe={"epoch": 3})
