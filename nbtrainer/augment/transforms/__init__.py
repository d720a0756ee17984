"""What each transform does to a patch: one module for each `kind` of settings in `config/transforms`, of the same name.

A module has `sample_params(rng, settings, shape)`, which draws all random numbers for a patch of `shape` ([z,] y, x) as a
frozen record, and `apply(image, label, params)`, which draws none: `image` (C, [Z,] Y, X) float32 and `label` ([Z,] Y, X)
unsigned integers come back with dtype and shape as they were, and are not written to. An `apply` that has a keyword
`ignored` is given the label's value of pixels that are not annotated. A spatial one has no `apply`: its `sample_params`
returns `SpatialParams`, and those of all transforms of a patch are one interpolation.
"""
