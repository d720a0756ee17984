"""The changes that a patch may undergo, beyond its geometry: what each is called, what it does and how far it goes."""

from nbtrainer.config.steps.artefacts import BitDepth, CopyPaste, MissingPart
from nbtrainer.config.steps.blur import Blur, CutBlur, MotionBlur
from nbtrainer.config.steps.brightness import Gamma, GammaContrast, Intensity, Invert, PercentileStretch, ShiftIntensity
from nbtrainer.config.steps.lighting import BorderDarkening, Illumination
from nbtrainer.config.steps.noise import CutNoise, Noise
from nbtrainer.config.steps.stack import Misalignment, Misrotation, MissingSection, RollZ, ShuffleZ
from nbtrainer.config.steps.step import NoChange, Step, probability

__all__ = [
    "BitDepth",
    "Blur",
    "BorderDarkening",
    "CopyPaste",
    "CutBlur",
    "CutNoise",
    "Gamma",
    "GammaContrast",
    "Illumination",
    "Intensity",
    "Invert",
    "Misalignment",
    "Misrotation",
    "MissingPart",
    "MissingSection",
    "MotionBlur",
    "NoChange",
    "Noise",
    "PercentileStretch",
    "RollZ",
    "ShiftIntensity",
    "ShuffleZ",
    "Step",
    "probability",
]
