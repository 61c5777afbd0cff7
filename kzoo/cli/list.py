"""`kzoo list`: the models."""


def add_command(commands):
    """Add the command to the parser."""
    parser = commands.add_parser("list", help="list the models", allow_abbrev=False)
    parser.add_argument("pattern", nargs="?", default="*", help='wildcards, such as "resnet*"')
    parser.add_argument("--family", help="only this family")
    parser.add_argument(
        "--pretrained", action="store_true", help="only models with published weights"
    )
    parser.set_defaults(run=run)


def run(arguments):
    """Print a table of names, families and default inputs."""
    from kzoo.registry import find_family, list_models, nearest

    names = list_models(arguments.pattern, family=arguments.family, pretrained=arguments.pretrained)
    if not names:
        near = nearest(
            arguments.pattern.strip("*?"), list_models(pretrained=arguments.pretrained), cutoff=0.4
        )
        hint = f"the nearest are {', '.join(near)}" if near else "`kzoo list` shows them all"
        kind = "model with weights" if arguments.pretrained else "model"
        raise ValueError(f"no {kind} is named like {arguments.pattern!r}; {hint}.")
    rows = [("MODEL", "FAMILY", "INPUT")]
    for name in names:
        family = find_family(name)
        rows.append((name, family.name, " x ".join(map(str, family.shape_of(name)))))
    print_table(rows)
    return 0


def print_table(rows):
    """Print rows of text in columns."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
