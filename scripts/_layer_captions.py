"""Where the documentation shows which figure of scripts/layer_figures.py, and its caption."""

# Figure: the pages, or functions of kzoo.analysis, that show it, and its caption.
FIGURES = {
    "weights_1d": (
        ("tiled_conv", "locally_connected"),
        "Which weights are used where, with a kernel of two weights: equal colours are one weight. "
        "Convolution uses the same two at every output, tiled convolution with `tile_size=2` two "
        "pairs in turn, a locally connected layer a pair of its own at every output.",
    ),
    "weights_2d": (
        ("tiled_conv", "locally_connected"),
        "Which kernel computes each output of a map of 6 x 6, counted from 0.",
    ),
    "connection_table": (
        ("connection_table_conv",),
        "Table I of LeCun et al. (1998): which maps of layer S2 (rows) feed which of C3 (columns).",
    ),
    "groups": (
        ("grouped_conv",),
        "Which input channels feed which output channels. As many groups as channels is a "
        "depthwise convolution.",
    ),
    "p4m_orbit": (
        ("lifting_conv", "group_equivariant_conv"),
        "A filter transformed by the eight elements of p4m, in their order; p4 is the upper row.",
    ),
    "gabor_bank": (
        ("gabor", "gabor_conv"),
        "Gabor functions of six directions `tau` (columns) and four frequencies `f` (rows), "
        "with `beta_x = beta_y` chosen so that every envelope holds as many cycles.",
    ),
    "fixed_kernels": (
        ("fixed_conv",),
        "The kernels by name (in the corners: red is positive, blue negative), and what they make "
        "of one picture. Grey is 0 where the weights sum to 0.",
    ),
    "harmonic_filters": (
        ("harmonic_conv",),
        "Filters of rotation orders 0, 1 and 2, real and imaginary parts. A rotation of the input "
        "by an angle turns the phase of order m by m times the angle.",
    ),
    "complex_cell": (
        ("complex_cell",),
        "The two simple cells of a complex cell, and what all three answer to a wave of their "
        "direction and frequency that moves through the window.",
    ),
    "poolings": (
        (
            "lp_pooling",
            "stochastic_pooling",
            "blur_pooling",
            "max_pooling_with_argmax",
            "max_unpooling",
        ),
        "What poolings with windows of 2 x 2 make of one map.",
    ),
    "receptive_field": (
        ("analysis.receptive_field", "analysis.draw_receptive_field"),
        "What one output of a network of five convolutions and two poolings sees of its input: the "
        "frame is the receptive field, the shade the effective one, the gradient's magnitude.",
    ),
}
