"""The encoder of SegNet, with a classifier in place of the decoder.

Badrinarayanan, Kendall and Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder Architecture for
Image Segmentation", PAMI 2017 (https://arxiv.org/abs/1511.00561), section 3 and Figure 2: the 13
convolutions of VGG16, each with batch normalisation, and five max poolings. Layer names are those
of the authors' Caffe network.

`include_top=False` gives the last map. The pooling indices that a decoder needs are what
`kzoo.layers.MaxPoolingWithArgmax2D(2)` finds in the maps that are pooled, the outputs of "relu1_2",
"relu2_2", "relu3_3", "relu4_3" and "relu5_3".

Deviation: odd maps lose their last row and column in the pooling, where Caffe keeps them.
"""

from dataclasses import dataclass

from kzoo.applications._family import Family
from kzoo.applications._parts import activation, batch_norm, convolve, max_pool


@dataclass(frozen=True)
class SegNetEncoderConfig:
    """Filters of the convolutions in each of the stages."""

    stages: tuple[tuple[int, ...], ...]


VARIANTS = {
    "segnet_encoder": SegNetEncoderConfig(
        ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)
    )
}


def build(config, x, options):
    """Build the network; see `Family`."""
    for stage, widths in enumerate(config.stages, start=1):
        for index, filters in enumerate(widths, start=1):
            name = f"{stage}_{index}"
            x = convolve(x, options, filters, 3, use_bias=True, name=f"conv{name}")
            x = activation(batch_norm(x, f"conv{name}_bn"), "relu", f"relu{name}")
        x = max_pool(x, 2, 2, f"pool{stage}")
    return options.outputs(x, options.pooled_dense("fc"))


FAMILY = Family(
    name="segnet_encoder",
    paper="Badrinarayanan et al., SegNet: A Deep Convolutional Encoder-Decoder Architecture, "
    "PAMI 2017.",
    build=build,
    variants=VARIANTS,
    names=("SegNetEncoder",),
    input_shape=(224, 224, 3),
    min_size=32,
    width=("stages",),
)
