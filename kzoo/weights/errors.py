"""What goes wrong with weights."""


class WeightsError(ValueError):
    """Weights that do not exist, do not fit the model, or are damaged."""


def listed(names, most=6):
    """Join names for a message, the first few of a long list."""
    if not names:
        return "nothing"
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"
