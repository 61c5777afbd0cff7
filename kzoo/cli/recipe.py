"""`kzoo recipe`: the recipes that have names."""

from kzoo.cli.list import print_table


def add_command(commands):
    """Add the command to the parser."""
    parser = commands.add_parser(
        "recipe", help="list the named recipes, or show one", allow_abbrev=False
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list the recipes", allow_abbrev=False)
    listing.set_defaults(run=list_recipes)
    showing = actions.add_parser("show", help="show one recipe", allow_abbrev=False)
    showing.add_argument("name", help="its name")
    showing.set_defaults(run=show_recipe)


def list_recipes(arguments):
    """Print a table of recipes."""
    from kzoo.training import NAMED_RECIPES

    rows = [(name, recipe.cost, recipe.purpose) for name, recipe in NAMED_RECIPES.items()]
    print_table([("RECIPE", "COST", "PURPOSE"), *rows])
    return 0


def show_recipe(arguments):
    """Print what is known of a recipe, and its fields."""
    from kzoo.training.recipes import find_recipe

    print(find_recipe(arguments.name))
    return 0
