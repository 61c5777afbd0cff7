"""Write docs/layers/ and docs/analysis.md from the docstrings.

Command: .venv/bin/python scripts/layer_pages.py
         .venv/bin/python scripts/layer_pages.py --check    writes nothing; status 1 if stale
Cost: ten seconds. The figures are drawn by scripts/layer_figures.py.
"""

import argparse
import inspect
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

import keras  # noqa: E402

import kzoo  # noqa: E402
from scripts._layer_captions import FIGURES  # noqa: E402

NOTICE = "<!-- Written by scripts/layer_pages.py from the docstrings. -->\n"

# The first pattern that a layer's name matches is its kind.
KINDS = (
    ("Equivariant to rotations", r"^Group(?!ed)|^Lifting|^Harmonic"),
    ("Convolutions", r"Conv\dD$|^LocallyConnected"),
    ("Pooling and resampling", r"ooling|^Maxout|^ComplexCell|^IdentityShortcut"),
    ("Parts of blocks", r""),
)
INITIALIZERS = "Initializers"

HEADINGS = (
    "Args",
    "Call arguments",
    "Attributes",
    "Input shape",
    "Output shape",
    "Returns",
    "Raises",
    "Example",
    "Examples",
    "Reference",
    "References",
)


def pages() -> dict[Path, str]:
    """Return the text of every generated page by its path from the root of the repository."""
    stems: dict[str, list] = {}
    for name in sorted(kzoo.layers.__all__, reverse=True):
        stems.setdefault(stem(name), []).append(("kzoo.layers", name))
    for name in sorted(kzoo.initializers.__all__):
        stems.setdefault(stem(name), []).append(("kzoo.initializers", name))
    folder = Path("docs/layers")
    written = {folder / f"{key}.md": layer_page(key, members) for key, members in stems.items()}
    written[folder / "README.md"] = index(stems)
    written[Path("docs/analysis.md")] = analysis_page()
    return written


def stem(name: str) -> str:
    """Return the name of a class's page: `tiled_conv` for `TiledConv2D` and its 1-D twin."""
    name = re.sub(r"\dD$", "", name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def kind(module: str, name: str) -> str:
    """Return the heading of the index that a class belongs under."""
    if module == "kzoo.initializers":
        return INITIALIZERS
    return next(title for title, pattern in KINDS if re.search(pattern, name))


def layer_page(key: str, members: list[tuple[str, str]]) -> str:
    """Return the page of one concept: its classes, the 2-D one first, and its figures."""
    title = ", ".join(name for _, name in members)
    parts = [NOTICE + f"# {title}"]
    first = getattr(sys.modules[members[0][0]], members[0][1])
    for module, name in members:
        documented = getattr(sys.modules[module], name)
        if len(members) > 1:
            parts.append(f"## {name}")
        parts += described(
            documented,
            f"{module}.{name}",
            level=3 if len(members) > 1 else 2,
            figures=figures(key) if documented is first else [],
            twin=None if documented is first else first,
        )
    source = inspect.getmodule(first)
    path = source.__name__.replace(".", "/") + ".py"
    parts += [
        "## Source",
        f"[{path}](../../{path}) · [all layers](README.md)",
        escape(joined(inspect.getdoc(source))),
    ]
    return "\n\n".join(parts) + "\n"


def figures(key: str, folder: str = "figures") -> list[str]:
    """Return the figures of a page with their captions."""
    return [
        f"![{alternative_text(caption)}]({folder}/{name}.png)\n\n*{escape(caption)}*"
        for name, (shown_on, caption) in FIGURES.items()
        if key in shown_on
    ]


def alternative_text(caption: str) -> str:
    """Return the first sentence of a caption without its markup."""
    return caption.partition(". ")[0].rstrip(".").replace("`", "")


def described(documented, name: str, level: int, figures=(), twin=None) -> list[str]:
    """Return a docstring as pieces of Markdown: purpose, signature, figures, then the sections.

    What a class has in common with its `twin` of another rank, which the page shows before it, is
    left out: the signature and the methods.
    """
    blocks = parse(docstring(documented))
    purpose = [escape(body) for title, body in blocks if title is None]
    own = twin is None or parameters_of(twin) != parameters_of(documented)
    call = [f"```python\n{signature(documented, name)}\n```"] if own else []
    out = [purpose[0], *call, *purpose[1:], *figures]
    if inspect.isclass(documented) and twin is None:
        blocks += [("Methods", body) for body in methods(documented)]
    for title, body in blocks:
        if title is None:
            continue
        out.append(f"{'#' * level} {title}")
        out.append(section(title, body))
    return out


def section(title: str, body: str) -> str:
    """Return the body of a section in Markdown."""
    if title.startswith("Example"):
        return f"```python\n{body}\n```"
    if title in ("Args", "Call arguments", "Attributes"):
        return table(("argument" if title != "Attributes" else "attribute", "meaning"), items(body))
    if title == "Raises":
        return bullets(body)
    if title == "Methods":
        return body
    if title == "Returns" and all(re.match(r"\w+: ", line) for line in outer_lines(body)):
        return bullets(body)
    if title == "References":
        return "\n".join(f"- {escape(line)}" for line in re.sub(r"\n +", " ", body).splitlines())
    return escape(joined(body))


def docstring(documented) -> str:
    """Return a docstring without its indentation, or refuse what has none."""
    text = inspect.getdoc(documented)
    if not text:
        raise ValueError(f"{documented.__name__} is public and has no docstring; write one.")
    return text


def parse(text: str) -> list[tuple[str | None, str]]:
    """Return the parts of a docstring in order: (heading, body), or (None, paragraph)."""
    blocks: list[tuple[str | None, str]] = []
    lines = text.splitlines() + [""]
    start = 0
    while start < len(lines):
        line = lines[start]
        heading = line[:-1] if line.endswith(":") and line[:-1] in HEADINGS else None
        end = start + 1
        if heading and heading.startswith("Example"):
            while end < len(lines) and lines[end][:-1] not in HEADINGS:
                end += 1
            body = inspect.cleandoc("\n".join(["", *lines[start + 1 : end]]))
        elif heading:
            while end < len(lines) and (not lines[end] or lines[end].startswith(" ")):
                end += 1
            body = inspect.cleandoc("\n".join(["", *lines[start + 1 : end]]))
        else:
            while end < len(lines) and lines[end] and lines[end][:-1] not in HEADINGS:
                end += 1
            body = joined("\n".join(lines[start:end]))
        if body:
            blocks.append((heading, body))
        start = end
    return blocks


def outer_lines(body: str) -> list[str]:
    """Return the lines of a section that are not continuations."""
    return [line for line in body.splitlines() if line and not line.startswith(" ")]


def items(body: str) -> list[tuple[str, str]]:
    """Return the (name, text) of the lines `name: text` and their continuations."""
    found: list[list[str]] = []
    for line in body.splitlines():
        named = re.match(r"([\w*][\w*, ]*): (.*)", line)
        if named:
            found.append([named[1], named[2]])
        elif found:
            found[-1][1] += f" {line.strip()}"
        elif line:
            raise ValueError(f"expected 'name: text' in a docstring; received {line!r}.")
    return [(name, text.strip()) for name, text in found]


def code_spans(names: str) -> str:
    """Return names as code, each by itself."""
    return ", ".join(f"`{name}`" for name in names.split(", "))


def bullets(body: str) -> str:
    """Return the lines `name: text` of a section as a list."""
    return "\n".join(f"- {code_spans(names)}: {escape(text)}" for names, text in items(body))


def table(heads: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    """Return a table in Markdown."""
    lines = [f"| {heads[0]} | {heads[1]} |", "|---|---|"]
    for names, text in rows:
        text = escape(text).replace("|", r"\|")
        lines.append(f"| {code_spans(names)} | {text} |")
    return "\n".join(lines)


def joined(text: str) -> str:
    """Return paragraphs with their lines joined."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def escape(text: str) -> str:
    """Escape what Markdown would take for markup, outside of code spans."""
    spans = re.split(r"(`[^`]*`)", text)
    return "".join(span if span[:1] == "`" else re.sub(r"([*<])", r"\\\1", span) for span in spans)


def parameters_of(documented) -> list[inspect.Parameter]:
    """Return the parameters of a function or class, those of its `__init__` where it has one.

    Early releases of Python 3.11 take those of a Keras layer from its `__new__`.
    """
    if inspect.isclass(documented) and documented.__init__ is not object.__init__:
        return list(inspect.signature(documented.__init__).parameters.values())[1:]
    return list(inspect.signature(documented).parameters.values())


def signature(documented, name: str, width: int = 96) -> str:
    """Return a call with all arguments and defaults, one a line where it is too long."""
    parameters = [
        str(parameter.replace(annotation=inspect.Parameter.empty)).replace("'", '"')
        for parameter in parameters_of(documented)
    ]
    line = f"{name}({', '.join(parameters)})"
    if len(line) <= width:
        return line
    return "\n".join([f"{name}(", *(f"    {parameter}," for parameter in parameters), ")"])


def methods(documented: type) -> list[str]:
    """Return one list of the methods that a class adds for its users, or nothing.

    They are the documented ones of its own module, and those of a base that get or set a kernel.
    """
    lines = []
    for name, method in inspect.getmembers(documented, inspect.isfunction):
        own = method.__module__ == documented.__module__ or name.startswith(("get_", "set_"))
        keras_has = hasattr(keras.layers.Layer, name) or hasattr(keras.Initializer, name)
        if own and method.__doc__ and not name.startswith("_") and not keras_has:
            call = re.sub(r"\(self(, )?", "(", f"{name}{inspect.signature(method)}")
            blocks = [body for title, body in parse(inspect.getdoc(method)) if title is None]
            lines.append(f"- `{call}`: {escape(' '.join(blocks))}")
    return ["\n".join(lines)] if lines else []


def summary(documented) -> str:
    """Return the first sentence of a docstring."""
    return joined(docstring(documented).partition("\n\n")[0])


def index(stems: dict[str, list[tuple[str, str]]]) -> str:
    """Return docs/layers/README.md: every page under its kind, one line each."""
    grouped: dict[str, list[str]] = {title: [] for title, _ in KINDS} | {INITIALIZERS: []}
    for key, members in sorted(stems.items()):
        names = ", ".join(f"`{name}`" for _, name in members)
        module, name = members[0]
        text = escape(summary(getattr(sys.modules[module], name)))
        grouped[kind(module, name)].append(f"- [{names}]({key}.md): {text}")
    parts = [
        NOTICE + "# Layers",
        "All are registered with Keras under the package `kzoo`, run on TensorFlow, JAX and "
        "PyTorch, and take `channels_last` and `channels_first`. "
        "[Concepts](../concepts.md) says where to find what is in Keras already; "
        "[examples](../examples.md) are short programs; "
        "[analysis](../analysis.md) lists the functions of `kzoo.analysis`.",
    ]
    for title, lines in grouped.items():
        if lines:
            parts += [f"## {title}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def analysis_page() -> str:
    """Return docs/analysis.md: every function of kzoo.analysis."""
    names = sorted(kzoo.analysis.__all__)
    rows = [
        f"- [`{name}`](#{name.lower()}): {escape(summary(getattr(kzoo.analysis, name)))}"
        for name in names
    ]
    parts = [NOTICE + "# kzoo.analysis", "\n".join(rows)]
    for name in names:
        parts.append(f"## {name}")
        documented = getattr(kzoo.analysis, name)
        shown = figures(f"analysis.{name}", folder="layers/figures")
        parts += described(documented, f"kzoo.analysis.{name}", level=3, figures=shown)
    return "\n\n".join(parts) + "\n"


def stale(root: Path) -> list[str]:
    """Return the pages under `root` that differ from the docstrings, are missing or are extra."""
    written = pages()
    wrong = [
        str(path)
        for path, text in written.items()
        if not (root / path).is_file() or (root / path).read_text() != text
    ]
    present = {path.relative_to(root) for path in (root / "docs/layers").glob("*.md")}
    return sorted(wrong + [str(path) for path in present - set(written)])


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if stale")
    if parser.parse_args(argv).check:
        wrong = stale(ROOT)
        for path in wrong:
            print(f"{path} is stale; run scripts/layer_pages.py")
        return int(bool(wrong))
    for path in stale(ROOT):
        (ROOT / path).unlink(missing_ok=True)
    for path, text in pages().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
