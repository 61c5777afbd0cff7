"""TFDS builders of the data sets that kzoo makes itself, without network.

TFDS registers a builder under its class name, so these carry kzoo's, and a user's own `Digits`
or `Mnist1D` does not clash.
"""
