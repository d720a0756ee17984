"""The settings of each transform that a patch may undergo: what it is called, what it does and how far it goes."""

from nbtrainer.config.transforms.identity import Identity
from nbtrainer.config.transforms.registry import TRANSFORMS, AnyTransform
from nbtrainer.config.transforms.spatial import SpatialSettings
from nbtrainer.config.transforms.transform import Transform

__all__ = ["TRANSFORMS", "AnyTransform", "Identity", "SpatialSettings", "Transform"]
