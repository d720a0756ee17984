"""What each transform does to a patch: one module for each `kind` of settings in `config/transforms`, of the same name.

A module has `sample_params(rng, settings, shape)`, which draws all random numbers for a patch of `shape` ([z,] y, x) as a
frozen record, and `apply(image, label, params)`, which draws none: `image` (C, [Z,] Y, X) float32 and `label` ([Z,] Y, X)
unsigned integers come back with dtype and shape as they were, and are not written to. An `apply` that has a keyword
`ignored` is given the label's value of pixels that are not annotated. A spatial one has no `apply`: its `sample_params`
returns `SpatialParams`, and those of all transforms of a patch are one interpolation.

A batch on a graphics card is changed by `apply_batch(images, params)`, in torch: `images` (B, C, [Z,] Y, X) float32 and a
record for each of B patches, to the same result as `apply`; by `apply_batch_labelled(images, labels, params)` where the
label, (B, [Z,] Y, X) int64, is changed too. Patches of other values of `batch_key(params)`, if there is one, are not put
together, and those of the key None are changed by `apply`. A transform needs none of these: patches that drew it are
made by the processor then.
"""
