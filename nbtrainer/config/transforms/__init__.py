"""The changes that a patch may undergo, beyond its geometry: what each is called, what it does and how far it goes."""

from nbtrainer.config.transforms.artefacts import BitDepth, CopyPaste, MissingPart
from nbtrainer.config.transforms.blur import Blur, CutBlur, MotionBlur
from nbtrainer.config.transforms.brightness import (
    Gamma,
    GammaContrast,
    Intensity,
    Invert,
    PercentileStretch,
    ShiftIntensity,
)
from nbtrainer.config.transforms.lighting import BorderDarkening, Illumination
from nbtrainer.config.transforms.noise import CutNoise, Noise
from nbtrainer.config.transforms.stack import Misalignment, Misrotation, MissingSection, RollZ, ShuffleZ
from nbtrainer.config.transforms.transform import Identity, Transform, probability

__all__ = [
    "BitDepth",
    "Blur",
    "BorderDarkening",
    "CopyPaste",
    "CutBlur",
    "CutNoise",
    "Gamma",
    "GammaContrast",
    "Identity",
    "Illumination",
    "Intensity",
    "Invert",
    "Misalignment",
    "Misrotation",
    "MissingPart",
    "MissingSection",
    "MotionBlur",
    "Noise",
    "PercentileStretch",
    "RollZ",
    "ShiftIntensity",
    "ShuffleZ",
    "Transform",
    "probability",
]
