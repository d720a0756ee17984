"""Networks by name, made from plain values."""

from nbtrainer.models.create import create

__all__ = ["create"]
