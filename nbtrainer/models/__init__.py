"""Networks by name, made from plain values."""

from nbtrainer.models.create import create, create_without_memory

__all__ = ["create", "create_without_memory"]
