"""What the fields of a recipe that are names may be.

Here, and not beside the recipe, because the command line lists them without importing
`kzoo.training`.
"""

OPTIMIZERS = ("sgd", "adam", "adamw", "lamb", "muon")
SCHEDULES = ("constant", "cosine", "step", "polynomial", "one_cycle")
LOSSES = ("cross_entropy", "binary_cross_entropy")
INTERPOLATIONS = ("bilinear", "bicubic")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
XLA = ("auto", "on", "off")
TUNERS = ("random", "hyperband", "bayesian", "grid")
