"""The pages under docs/: examples that run, names that exist, generated pages that are current."""

import doctest
import re
from pathlib import Path

import keras
import pytest

import kzoo
from kzoo import registry
from scripts import layer_figures, layer_pages

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def python_blocks(page):
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def test_the_examples_run():
    blocks = python_blocks("examples.md")
    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "examples.md", None, 0)
    assert len(example.examples) > 50
    assert doctest.DocTestRunner().run(example).failed == 0


def named_on(page):
    """Return the names of Keras and kzoo in code spans, each with the arguments it is given."""
    spans = re.findall(r"`((?:keras|kzoo)\.[^`]*)`", (DOCS / page).read_text())
    return sorted({re.fullmatch(r"([\w.]+)(?:\((.*)\))?", span).groups("") for span in spans})


@pytest.mark.parametrize(
    ("name", "arguments"), named_on("concepts.md"), ids=lambda value: value or "-"
)
def test_what_the_page_of_concepts_names_exists(name, arguments):
    found = {"keras": keras, "kzoo": kzoo}[name.partition(".")[0]]
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    for argument in re.findall(r"(\w+)=", arguments):
        assert argument in [parameter.name for parameter in layer_pages.parameters_of(found)]


def test_the_generated_pages_are_current():
    assert layer_pages.stale(ROOT) == [], "run scripts/layer_pages.py"


def table_rows(text):
    """Return the cells of the rows that begin with a name in code, by the name."""
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", text, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in rows}


def test_the_tables_of_models_are_current():
    """Names and numbers of weights, which change without a new sweep."""
    stale = "run scripts/zoo_tables.py docs/sweep.jsonl"
    counts = {name: len(kzoo.list_weights(name)) for name in kzoo.list_models()}
    models = table_rows((DOCS / "models.md").read_text())
    assert {name: cells[-1] for name, cells in models.items()} == {
        name: str(count or "-") for name, count in counts.items()
    }, stale
    families = {family.name: family.variants for family in registry.families()}
    in_readme = table_rows((ROOT / "README.md").read_text().partition("<!-- /families -->")[0])
    assert {name: (cells[1], cells[-1]) for name, cells in in_readme.items()} == {
        name: (str(len(variants)), str(sum(counts[v] for v in variants) or "-"))
        for name, variants in families.items()
    }, stale


def test_a_stale_a_missing_and_an_extra_page_are_noticed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(layer_pages, "ROOT", tmp_path)
    written = {Path("docs/layers/a.md"): "a\n", Path("docs/analysis.md"): "b\n"}
    monkeypatch.setattr(layer_pages, "pages", lambda: written)
    assert layer_pages.main([]) == 0
    assert layer_pages.stale(tmp_path) == []
    (tmp_path / "docs/layers/a.md").write_text("old\n")
    (tmp_path / "docs/layers/b.md").write_text("no such layer\n")
    (tmp_path / "docs/analysis.md").unlink()
    assert layer_pages.stale(tmp_path) == [
        "docs/analysis.md",
        "docs/layers/a.md",
        "docs/layers/b.md",
    ]
    assert layer_pages.main(["--check"]) == 1
    assert "docs/layers/a.md is stale" in capsys.readouterr().out
    assert layer_pages.main([]) == 0
    assert layer_pages.main(["--check"]) == 0


def test_figures_are_there_small_and_captioned():
    drawn = {path.stem: path.stat().st_size for path in (DOCS / "layers/figures").glob("*.png")}
    assert set(drawn) == set(layer_figures.FIGURES) == set(layer_pages.FIGURES)
    assert max(drawn.values()) < 60_000


def test_figures_are_on_pages_that_exist():
    stems = {path.stem for path in layer_pages.pages()}
    functions = {f"analysis.{name}" for name in kzoo.analysis.__all__}
    for shown_on, _ in layer_pages.FIGURES.values():
        assert set(shown_on) <= stems | functions


@pytest.mark.parametrize("name", layer_figures.FIGURES)
def test_figures_can_be_drawn(name, tmp_path):
    layer_figures.FIGURES[name](tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes()[:4] == b"\x89PNG"


def test_links_lead_somewhere():
    for page in [*DOCS.glob("*.md"), *DOCS.glob("layers/*.md")]:
        text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_a_docstring_becomes_a_page():
    def scale(x, factor=2):
        """Multiply by a factor: x * factor.

        Args:
            x: values, |x| < 1, or
                `"a | b"`.
            factor: number.

        A last word.

        Raises:
            ValueError: never.

        Example:

        >>> 1 + 1
        2
        """

    text = "\n\n".join(layer_pages.described(scale, "scale", level=2))
    assert text == (
        "Multiply by a factor: x \\* factor.\n\n```python\nscale(x, factor=2)\n```\n\n"
        "A last word.\n\n## Args\n\n| argument | meaning |\n|---|---|\n"
        '| `x` | values, \\|x\\| \\< 1, or `"a \\| b"`. |\n| `factor` | number. |\n\n'
        "## Raises\n\n- `ValueError`: never.\n\n## Example\n\n```python\n>>> 1 + 1\n2\n```"
    )


@pytest.mark.parametrize(
    ("name", "page"),
    [("TiledConv2D", "tiled_conv"), ("FFTConv2D", "fft_conv"), ("LpPooling1D", "lp_pooling")],
)
def test_a_class_and_its_twin_share_a_page(name, page):
    assert layer_pages.stem(name) == page


def test_a_line_of_arguments_without_a_name_is_refused():
    with pytest.raises(ValueError, match="expected 'name: text' in a docstring; received 'oops'"):
        layer_pages.items("oops")


def test_a_function_without_a_docstring_is_refused():
    with pytest.raises(ValueError, match="bare is public and has no docstring; write one"):
        layer_pages.summary(bare)


def bare():
    pass
