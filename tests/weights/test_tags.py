import csv

import pytest

import kzoo
from kzoo.registry import find_family
from kzoo.weights import tags
from tests.peers import import_timm


def test_the_records_of_a_model():
    records = kzoo.list_weights("resnet50")
    first = records[0]
    assert (first.name, first.tag, first.recommended) == ("resnet50", "a1_in1k", True)
    # timm's results/results-imagenet.csv, and its documentation's table.
    assert (first.top1, first.top5, first.top1_size) == (81.24, 95.112, 288)
    assert first.source == "hf-hub:timm/resnet50.a1_in1k"
    assert (first.dataset, first.licence, first.classes) == ("ImageNet-1k", "apache-2.0", 1000)
    inputs = first.preprocessing
    assert (inputs.mean, inputs.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert (inputs.interpolation, inputs.crop, inputs.size) == ("bicubic", 0.95, (224, 224))
    assert (inputs.test_crop, inputs.test_size) == (1.0, (288, 288))
    # torchvision's documentation: acc@1 80.858, and the digest in the name of the file.
    other = next(record for record in records if record.tag == "imagenet1k_v2")
    assert (other.top1, other.sha256, other.megabytes) == (80.858, "11ad3fa6", 97.79)


def test_torchvisions_googlenet_takes_values_from_minus_one_to_one():
    (record,) = kzoo.list_weights("googlenet")
    assert record.preprocessing.mean == record.preprocessing.std == (0.5, 0.5, 0.5)
    assert record.sha256 == "1378be20"


def test_every_row_is_of_a_model_and_says_where_it_is_from():
    with tags.TABLE.open(newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert set(names) <= set(kzoo.list_models())
    for name in dict.fromkeys(names):
        records = kzoo.list_weights(name)
        assert len({record.tag for record in records}) == len(records)
        assert sum(record.recommended for record in records) <= 1
        for record in records:
            assert record.facts_from
            assert (record.top1 is None) == (record.accuracy_from is None)
            # Keras has the digests of its own files, and checks them.
            assert record.source.startswith(("hf-hub:", "keras:")) or record.sha256


def test_the_table_is_timms():
    timm = import_timm()
    for name in kzoo.list_models(pretrained=True):
        for record in kzoo.list_weights(name):
            if not record.facts_from.startswith(f"timm {timm.__version__} "):
                continue
            cfg = timm.get_pretrained_cfg(f"{name}.{record.tag}")
            inputs = record.preprocessing
            assert (inputs.mean, inputs.std) == (tuple(cfg.mean), tuple(cfg.std))
            assert (3, *inputs.size) == tuple(cfg.input_size)
            assert (record.classes, inputs.crop) == (cfg.num_classes, cfg.crop_pct)


def test_models_with_weights_are_listed():
    pretrained = kzoo.list_models(pretrained=True)
    assert {"resnet50", "alexnet", "tinynet_e"} <= set(pretrained)
    assert "deepface" not in pretrained
    assert kzoo.list_weights("deepface") == ()
    assert "resnet10t" not in kzoo.list_models("resnet5*", pretrained=True)


def test_weights_of_an_unknown_model_are_refused():
    with pytest.raises(ValueError, match="there is no model 'resnet5'; did you mean"):
        kzoo.list_weights("resnet5")


def test_model_info_has_the_tags():
    assert kzoo.model_info("tinynet_e").weights == ("in1k",)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("a1_in2k", "resnet18 has no weights 'a1_in2k': its tags are a1_in1k, "),
        (
            "nothing",
            "give a .safetensors / .* / .weights.h5 / .keras / .npz file, or hf-h",
        ),
        ("resnet50.a1_in1k", "weights resnet50.a1_in1k are those of the model resnet50, not of r"),
    ],
)
def test_what_is_no_tag_is_refused(weights, message):
    with pytest.raises(kzoo.weights.WeightsError, match=message):
        kzoo.create_model("resnet18", weights=weights)


def test_something_else_than_a_name_is_refused():
    with pytest.raises(TypeError, match="weights must be a tag, a source or a path; received 3"):
        kzoo.create_model("resnet18", weights=3)


def test_a_tag_of_a_model_under_another_name_is_refused():
    model = find_family("tinynet_e").create("tinynet_e", name="mine")
    with pytest.raises(ValueError, match="a tag needs a model's name: this model is called 'mine'"):
        kzoo.load_weights(model, "in1k")


def test_a_name_with_a_tag_and_other_weights_are_refused():
    with pytest.raises(ValueError, match="'resnet18.a1_in1k' names its weights, and weights='a2"):
        kzoo.create_model("resnet18.a1_in1k", weights="a2_in1k")
    with pytest.raises(ValueError, match="resnet18 has no weights 'a9'"):
        kzoo.create_model("resnet18.a9")
    with pytest.raises(ValueError, match="there is no model 'resnet_18'; did you mean resnet18"):
        kzoo.create_model("resnet_18.a1_in1k")
