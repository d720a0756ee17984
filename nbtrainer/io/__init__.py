"""Image files and annotations as arrays, and back: formats, axes, pixel size, orientation."""
