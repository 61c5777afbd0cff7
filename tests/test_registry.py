import dataclasses

import pytest

import kzoo
from kzoo import registry
from kzoo.applications import resnet


def test_listing_is_the_union_of_the_variant_tables():
    tables = [set(family.variants) for family in registry.families()]
    assert set(kzoo.list_models()) == set.union(*tables)
    assert len(kzoo.list_models()) == sum(map(len, tables))


def test_numbers_sort_as_numbers():
    names = kzoo.list_models("resnet*", family="resnet")
    assert names == sorted(names, key=lambda name: int("".join(filter(str.isdigit, name))))
    assert kzoo.list_models("resnet*[0-9]", family="resnet") == [
        "resnet18",
        "resnet26",
        "resnet34",
        "resnet50",
        "resnet101",
        "resnet152",
        "resnet200",
    ]


def test_wildcards_families_and_tasks():
    assert kzoo.list_models("vgg1[13]") == ["vgg11", "vgg13"]
    assert kzoo.list_models("densenet*_cifar") == kzoo.list_models(family="densenet_cifar")
    assert kzoo.list_models(task="signal_classification") == [
        "mnist1d_resnet",
        "udl_conv1d",
        "udl_dense",
    ]
    assert kzoo.list_models("no such*") == kzoo.list_models("deepface", pretrained=True) == []


@pytest.mark.parametrize("argument", ["family", "task"])
def test_unknown_family_or_task_is_refused_with_the_list(argument):
    with pytest.raises(ValueError, match=f"there is no {argument} 'nope'; there are "):
        kzoo.list_models(**{argument: "nope"})


@pytest.mark.parametrize("of_a_model", [kzoo.model_info, kzoo.list_weights])
def test_a_tag_is_refused_where_the_model_alone_goes(of_a_model):
    message = "'lenet5.mnist' is the model 'lenet5' with the weights 'mnist'; here goes the model"
    with pytest.raises(ValueError, match=message):
        of_a_model("lenet5.mnist")


def test_unknown_model_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="there is no model 'resnet5O'; did you mean resnet50"):
        kzoo.create_model("resnet5O")
    with pytest.raises(ValueError, match="did you mean resnet20_cifar or resnet200 or"):
        kzoo.create_model("resnet20")
    with pytest.raises(ValueError, match="did you mean resnet9_cifar or"):
        kzoo.create_model("ResNet9")
    with pytest.raises(ValueError, match="kzoo.list_models"):
        kzoo.model_info("qqqqqqq")
    with pytest.raises(TypeError, match="named by a string; received 50"):
        kzoo.create_model(50)


def test_mistyped_option_is_refused():
    message = r"resnet18\(\) got an unexpected keyword .*'clases'; its arguments are .*, classes, "
    with pytest.raises(TypeError, match=message):
        kzoo.create_model("resnet18", clases=3)
    with pytest.raises(TypeError, match=r"ResNet18\(\) got an unexpected keyword .*'clases'"):
        kzoo.applications.ResNet18(clases=3)


def test_a_name_in_two_families_is_refused():
    with pytest.raises(ValueError, match="model 'resnet10t' is in two families"):
        registry.by_model_name([resnet.FAMILY, resnet.FAMILY])


def test_every_variant_has_a_named_builder_and_nothing_else_is_exported():
    builders = [getattr(kzoo.applications, name) for name in kzoo.applications.__all__]
    assert sorted(builder.variant for builder in builders) == sorted(kzoo.list_models())


def test_model_info():
    info = kzoo.model_info("resnet18")
    assert (info.name, info.family, info.input_shape) == ("resnet18", "resnet", (224, 224, 3))
    # torchvision's metadata: 11,689,512 parameters, 1.814 G multiply-adds.
    assert info.parameters == 11_689_512
    assert info.multiply_adds == pytest.approx(1.814e9, rel=1e-3)
    assert info.weights[0] == "a1_in1k"
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.name = "other"
