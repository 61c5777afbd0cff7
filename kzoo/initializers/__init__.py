"""Initializers, registered with Keras under the package name "kzoo"."""

from kzoo.initializers.gabor import Gabor

__all__ = ["Gabor"]
