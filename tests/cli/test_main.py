"""The `kzoo` command: what it prints, and how it refuses bad input."""

import errno
import io
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import kzoo
from kzoo.cli import main
from kzoo.cli.info import describe_receptive_field
from kzoo.training import NAMED_RECIPES

ROOT = Path(__file__).parents[2]


def run(capsys, *arguments):
    """Return the exit status, standard output and standard error of one command."""
    capsys.readouterr()
    status = main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def refusal(capsys, *arguments):
    """Return the one sentence with which a command refuses."""
    status, _, error = run(capsys, *arguments)
    assert status == 2
    assert error.startswith("kzoo: error: ")
    assert error.count("\n") == 1
    assert error.endswith("\n")
    assert "Traceback" not in error
    return error


def test_list(capsys):
    status, out, error = run(capsys, "list", "resnet*_cifar")
    lines = out.splitlines()
    assert (status, error) == (0, "")
    assert lines[0].split() == ["MODEL", "FAMILY", "INPUT"]
    assert [line.split()[0] for line in lines[1:]] == kzoo.list_models("resnet*_cifar")
    assert "32 x 32 x 3" in lines[1]


def test_list_nothing(capsys):
    assert "the nearest are" in refusal(capsys, "list", "lennet*")
    assert "`kzoo list` shows them all" in refusal(capsys, "list", "%%%%")


def test_list_of_models_with_weights(capsys):
    status, out, _ = run(capsys, "list", "*net5*", "--pretrained")
    assert status == 0
    listed = [line.split()[0] for line in out.splitlines()[1:]]
    assert listed == kzoo.list_models("*net5*", pretrained=True)
    assert {"resnet50", "lenet5"} <= set(listed) < set(kzoo.list_models("*net5*"))
    assert "no model with weights is named like 'deepface'" in refusal(
        capsys, "list", "deepface", "--pretrained"
    )


def test_info_lists_the_weights(capsys):
    status, out, _ = run(capsys, "info", "tinynet_e")
    assert status == 0
    # timm's results/results-imagenet.csv: 59.874 % at 106 pixels.
    assert re.search(r"in1k \(imagenet\) +59\.87 +106 +1,000 +ImageNet-1k +apache-2\.0", out)


def test_info(capsys, tmp_path):
    picture = tmp_path / "net.png"
    status, out, _ = run(capsys, "info", "resnet20_cifar", "--picture", picture)
    assert status == 0
    info = kzoo.model_info("resnet20_cifar")
    for word in (f"{info.parameters:,}", f"{info.multiply_adds:,}", info.paper, "layer1.0.conv1"):
        assert word in out
    # 9 x 2 + 1 convolutions of 3 x 3, the first of two stages with stride 2: 2 + 4 + 8 a block.
    assert re.search(r"receptive field +81 x 81, stride 4 x 4, at layer3\.2\.relu2\n", out)
    # Mean and variance of 7, 6 and 6 normalisations of 16, 32 and 64 channels.
    assert re.search(r"buffers +1,376\n", out)
    assert "layer1.0 … layer1.2   (3 times)   with a shortcut" in out
    with Image.open(picture) as image:
        assert min(image.size) > 500


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mobilenetv3_small_050", "639 x 639, stride 32 x 32, .*; its attention sees the whole"),
        ("mnist1d_resnet", "27, stride 2, at layer2.relu2; its paths are not aligned"),
        ("lenet5", "16 x 16, stride 4 x 4, at s4$"),
    ],
)
def test_info_says_what_a_receptive_field_leaves_out(capsys, name, words):
    status, out, _ = run(capsys, "info", name)
    assert status == 0
    line = next(line for line in out.splitlines() if line.startswith("receptive field"))
    assert re.search(words, line)


def test_info_says_why_there_is_no_receptive_field():
    x = keras.Input((8, 8, 1))
    resized = kzoo.layers.NearestResizing2D()([keras.layers.MaxPooling2D(3)(x), x])
    model = keras.Model(x, keras.layers.Add(name="sum")([x, resized]))
    assert describe_receptive_field(model).startswith("none: Add 'sum' joins paths that are not")


def test_info_of_a_layer_with_several_outputs(capsys):
    status, out, _ = run(capsys, "info", "shufflenet_v2_x0_5")
    assert status == 0
    assert re.search(r"Split +28 x 28 x 24, 28 x 28 x 24 +0 +0 +0\n", out)


def test_info_of_a_small_stem(capsys):
    status, out, _ = run(capsys, "info", "mobilenetv2_050", "--option", "stem=small")
    assert (status, "32 x 32 x 3" in out) == (0, True)


def test_info_of_a_changed_model(capsys):
    status, out, _ = run(capsys, "info", "resnet20_cifar", "--conv", "tiled", "--image-size", 48)
    assert status == 0
    assert "48 x 48 x 3" in out
    assert "TiledConv2D" in out


def test_benchmark(capsys):
    status, out, _ = run(capsys, "benchmark", "lenet5", "--batch-size", 2, "--repeats", 1)
    assert status == 0
    rows = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert set(rows) == {"lenet5,", "kzoo", "building", "inference", "train"}
    assert re.search(r"ms for 2, [\d.]+ examples/s, fastest [\d.]+ ms", rows["inference"])


def test_recipes(capsys):
    status, out, _ = run(capsys, "recipe", "list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == list(NAMED_RECIPES)
    status, out, _ = run(capsys, "recipe", "show", "finetune")
    assert "learning_rate  " not in out
    assert out.endswith("learning_rate and augment are those of the model's family and the data\n")
    status, out, _ = run(capsys, "recipe", "show", "torchvision_v2")
    assert status == 0
    assert re.search(r"^learning_rate +0.5$", out, re.MULTILINE)


def test_data_list(capsys):
    status, out, _ = run(capsys, "data", "list")
    assert status == 0
    assert {"digits", "mnist1d", "rotated_mnist"} <= {line.split()[0] for line in out.splitlines()}


def test_train_evaluate_predict(capsys, tmp_path):
    folder = tmp_path / "run"
    status, out, error = run(
        capsys,
        *["train", "lenet5", "--data", "digits", "--output", folder, "--epochs", 2],
        *["--batch-size", 100, "--optimizer", "sgd", "--momentum", 0, "--no-nesterov"],
        *["--learning-rate", 0.05, "--schedule", "step", "--milestones", "0.5,0.8"],
        *["--option", "connections='paper'", "--seed", 3, "--augment", "crop=1"],
    )
    assert (status, error) == (0, "")
    assert out.splitlines()[-1] == f"run folder {folder}"
    assert "\nEpoch 2/2\n" in out
    accuracy = next(line for line in out.splitlines() if line.startswith("test "))
    config = kzoo.training.Run.open(folder).config
    assert config["recipe"]["milestones"] == [0.5, 0.8]
    assert config["recipe"]["seed"] == 3
    assert config["model"]["options"]["connections"] == "paper"

    status, out, error = run(capsys, "evaluate", folder)
    assert (status, error) == (0, "")
    assert out.splitlines()[0].split()[-1] in accuracy
    assert out.splitlines()[-1] == f"confusion matrix in {folder / 'confusion_matrix.png'}"

    image = tmp_path / "digit.png"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(image)
    status, out, error = run(capsys, "predict", folder, image, "--top", 2)
    lines = out.splitlines()
    assert (status, error, lines[0], len(lines)) == (0, "", str(image), 3)
    assert lines[1].split()[0] in "0123456789"
    assert lines[1].endswith("%")


TRAIN = ("train", "lenet5", "--data", "digits")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "arguments are required: COMMAND"),
        (("fly",), "invalid choice: 'fly'"),
        ((*TRAIN, "--bogus"), "unrecognized arguments: --bogus"),
        ((*TRAIN, "--epochs", "many"), "--epochs: invalid int value: 'many'"),
        ((*TRAIN, "--epochs", "0"), "epochs must be at least 1; received 0"),
        ((*TRAIN, "--batch-size", "-5"), "batch_size must be at least 1; received -5"),
        ((*TRAIN, "--learning-rate", "0"), "learning_rate must be above 0; received 0"),
        ((*TRAIN, "--xla", "maybe"), "--xla: invalid choice: 'maybe'"),
        ((*TRAIN, "--class-weights", "fair"), "'fair' is neither balanced nor CLASS=WEIGHT"),
        ((*TRAIN, "--option", "dropout"), "'dropout' is not KEY=VALUE"),
        ((*TRAIN, "--option", "dropout_rate=2"), "unexpected keyword argument 'dropout_rate'"),
        ((*TRAIN, "--conv", "round"), "conv must be one of 'standard', 'tiled'"),
        ((*TRAIN, "--recipe", "cifra"), "received 'cifra'. Did you mean cifar?"),
        (("recipe", "show", "cifra"), "received 'cifra'. Did you mean cifar?"),
        (("benchmark", "lenet5", "--repeats", "0"), "repeats must be at least 1; received 0"),
        ((*TRAIN, "--image-size", "3"), "image_size must be at least 16 for lenet5; received 3"),
        ((*TRAIN, "--weights", "none.safetensors"), "none.safetensors"),
        ((*TRAIN, "--augment", "explode"), "received 'explode'"),
        ((*TRAIN, "--freeze", "P9", "--frozen-epochs", "1"), "received 'P9'"),
        ((*TRAIN, "--freeze", "c9"), "what to freeze must be a level such as 'P3' or the name of"),
        (
            ("train", "udl_dense", "--data", "mnist1d", "--layer-decay", "0.5"),
            "layer_decay needs a network with feature levels; udl_dense has none",
        ),
        ((*TRAIN, "--output", "/proc/run"), "output /proc/run cannot be written"),
        ((*TRAIN, "--output", __file__), "exists already"),
        ((*TRAIN, "--output", f"{__file__}/run"), "is not a writable folder"),
        ((*TRAIN, "--output", "nowhere", "--resume"), "nowhere is no run folder"),
        (("train", "lenet6", "--data", "digits"), "no model 'lenet6'; did you mean lenet5"),
        (("train", "lenet5", "--data", "digitz"), "digitz"),
        (("train", "cs231n", "--data", "digits", "--option", "filters=-2"), "filters"),
        (("info", "lenet6"), "no model 'lenet6'"),
        (("info", "lenet5", "--picture", "net.txt"), "must end in .png, .svg or .pdf"),
        (("info", "lenet5", "--picture", "no/net.png"), "no is no folder"),
        (("evaluate", "no_such_run"), "no_such_run is no run folder"),
        (("predict", "no_such_run", "x.png"), "no_such_run is no run folder"),
        (("predict", "no_such_run"), "required: IMAGE"),
        (("export", "no_such_run", "--format", "litert"), "no_such_run is no run folder"),
        (("export", "no_such_run"), "required: --format"),
        (("export", "no_such_run", "--format", "keras"), "invalid choice: 'keras'"),
        (("export", "x", "--format", "onnx", "--int8"), "int8 is for the format litert"),
    ],
)
def test_bad_input(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in refusal(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def images(folder, counts):
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.full((20, 20, 3), 20 * number, np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def test_bad_folders(capsys, tmp_path):
    output = tmp_path / "run"
    folder = images(tmp_path / "images", {"cat": 6, "dog": 6})
    train = ("train", "lenet5", "--data", folder, "--output", output, "--image-size", 16)
    bad = folder / "dog" / "3.png"
    whole = bad.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2])
    assert str(bad) in refusal(capsys, *train)
    (folder / "fish").mkdir()
    bad.write_bytes(whole)
    assert "fish" in refusal(capsys, *train)
    assert not output.exists()


@pytest.mark.filterwarnings("default:Left out 1 of 18")
def test_an_unreadable_image_is_left_out_when_asked(capsys, tmp_path):
    folder = images(tmp_path / "images", {"cat": 9, "dog": 9})
    (folder / "dog" / "3.png").write_bytes(b"no image")
    status, _, error = run(
        capsys,
        *["train", "lenet5", "--data", folder, "--output", tmp_path / "run", "--epochs", 1],
        *["--skip-unreadable", "--validation-split", 0.3],
    )
    assert status == 0
    assert "kzoo: warning: " in error
    assert "3.png" in error


def test_weights_of_another_kernel_size(capsys, tmp_path):
    from safetensors.numpy import save_file

    from kzoo.weights.rules import entries

    def in_pytorch_layout(array):
        if array.ndim == 4:
            array = np.moveaxis(array, (-1, -2), (0, 1))
        return np.ascontiguousarray(array.T if array.ndim == 2 else array)

    arrays = {
        entry.source: in_pytorch_layout(keras.ops.convert_to_numpy(entry.variable))
        for layer in kzoo.create_model("resnet20_cifar").layers
        for entry in entries(layer)
    }
    arrays["conv1.weight"] = np.zeros((16, 3, 5, 5), "float32")
    save_file(arrays, tmp_path / "w.safetensors")
    error = refusal(
        capsys,
        *["train", "resnet20_cifar", "--data", "digits", "--output", tmp_path / "run"],
        *["--weights", tmp_path / "w.safetensors"],
    )
    assert "conv1" in error
    assert not (tmp_path / "run").exists()


def test_damaged_model(capsys, tmp_path, lenet_run):
    (tmp_path / "config.json").write_bytes((lenet_run.folder / "config.json").read_bytes())
    whole = (lenet_run.folder / "model.keras").read_bytes()
    (tmp_path / "model.keras").write_bytes(whole[:1000])
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    for command in (("evaluate", tmp_path), ("predict", tmp_path, tmp_path / "x.png")):
        assert "model.keras is damaged" in refusal(capsys, *command)


@pytest.mark.filterwarnings("ignore:(?s).*tf.lite.Interpreter is deprecated")
def test_export(capsys, tmp_path, lenet_run):
    path = tmp_path / "digits.tflite"
    export = ("export", lenet_run.folder, "--format", "litert", "--output", path)
    status, out, _ = run(capsys, *export)
    assert status == 0
    first, last = out.splitlines()
    expected = (
        r"compared on 32 examples of the validation split: probabilities differ by \d\.\de-\d\d"
    )
    assert re.fullmatch(expected, first)
    assert last == f"exported to {path} ({path.stat().st_size / 1024:,.0f} KiB)"
    assert "exists already" in refusal(capsys, *export)

    status, out, _ = run(capsys, *export[:-1], tmp_path / "int8.tflite", "--int8")
    accuracy = lenet_run.results["validation"]["accuracy"]
    assert status == 0
    assert out.splitlines()[1] == f"accuracy there: network {accuracy:.4f}"
    assert re.fullmatch(r" +file    0\.\d{4}", out.splitlines()[2])


def test_resume_with_other_options(capsys, lenet_run):
    train = ("train", "lenet5", "--data", "digits", "--output", lenet_run.folder, "--resume")
    assert "resume with what the run was started with" in refusal(capsys, *train)


def test_debug_shows_the_traceback(monkeypatch):
    with pytest.raises(ValueError, match="epochs must be"):
        main(["--debug", *TRAIN, "--epochs", "0"])
    monkeypatch.setenv("KZOO_DEBUG", "1")
    with pytest.raises(ValueError, match="epochs must be"):
        main([*TRAIN, "--epochs", "0"])


def test_a_full_disk_says_how_to_resume(capsys, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device", "run/history.csv")

    monkeypatch.setattr("kzoo.cli.train._train", full)
    (tmp_path / "run").mkdir()
    command = ["train", "lenet5", "--data", "digits", "--output", str(tmp_path / "run")]
    assert main(command) == 2
    assert capsys.readouterr().err == (
        "kzoo: error: run/history.csv: No space left on device; continue with "
        f"`kzoo {' '.join(command)} --resume`.\n"
    )


def test_interrupt_says_how_to_resume(capsys, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("kzoo.training.train", interrupted)
    status, _, error = run(capsys, *TRAIN, "--output", tmp_path, "--epochs", 3)
    assert status == 130
    assert error == (
        "kzoo: interrupted; continue with `kzoo train lenet5 --data digits --output "
        f"{tmp_path} --epochs 3 --resume`\n"
    )


def test_an_interrupt_that_nobody_reads_of_is_one(capsys, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr("kzoo.training.train", interrupted)
    monkeypatch.setattr("sys.stderr", Gone())
    assert main(TRAIN) == 130


def test_a_training_that_nobody_reads_says_so(capsys, tmp_path, monkeypatch):
    def unread(*arguments, **options):
        raise BrokenPipeError

    monkeypatch.setattr("kzoo.training.train", unread)
    monkeypatch.setattr("sys.stdout", sys.stdout)
    status, _, error = run(capsys, *TRAIN, "--output", tmp_path)
    sys.stdout.close()
    assert status == 130
    assert error.startswith("kzoo: stopped, as nobody reads its output; continue with `kzoo train")


def test_a_missing_package_is_one_sentence(capsys, tmp_path, monkeypatch):
    (tmp_path / "weights.pth").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "torch", None)
    message = refusal(capsys, *TRAIN, "--weights", tmp_path / "weights.pth")
    assert "weights.pth needs PyTorch, which is not installed" in message


def test_help_names_every_command(capsys):
    status, out, _ = run(capsys, "--help")
    assert status == 0
    for command in ("list", "info", "data", "train", "evaluate", "predict"):
        assert f"    {command} " in out


def test_launcher_and_module_say_one_sentence(tmp_path):
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, ROOT / "kzoo_command.py", "info", "lenet6"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("kzoo: error: there is no model 'lenet6'")
    assert done.stderr.count("\n") == 1
