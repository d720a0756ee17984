"""The decoders with values for everything that a test does not name: those of the tools that they come from."""

from functools import partial

from nbtrainer.labels import affinity, outlines, watershed
from nbtrainer.labels.flow import masks

# PyTorch Connectomics
_SIZE = {"smallest": 128, "small": "background"}
_SEEDS = {"min_seed_size": 32, "keep_unseeded": False}
binary_connected = partial(watershed.binary_connected, threshold=0.8, **_SIZE)
binary_watershed = partial(watershed.binary_watershed, seed_threshold=0.98, threshold=0.85, **_SEEDS, **_SIZE)
_CONTOUR = {"seed_threshold": 0.9, "contour_threshold": 0.8, "threshold": 0.85, **_SEEDS, **_SIZE}
bc_watershed = partial(watershed.bc_watershed, **_CONTOUR)
bcd_watershed = partial(watershed.bcd_watershed, seed_distance=0.5, mask_distance=0.0, **_CONTOUR)
# clEsperanto
voronoi_otsu = partial(watershed.voronoi_otsu, spot_sigma=2.0, outline_sigma=2.0, smallest=0, small="background")
mutex_watershed = partial(affinity.mutex_watershed, threshold=0.5, smallest=0, small="background")
# EPySeg, without its filters
cells_from_channels = partial(
    outlines.cells_from_channels,
    outline_threshold=0.5,
    seed_threshold=0.5,
    keep_unseeded=False,
    smallest=0,
    smallest_share=0.0,
    touching_border=True,
)
_FLOW = {"mask_threshold": 0.0, "min_border_depth": 0.55, "flow_threshold": 0.4, "min_size": 15}


def masks_from_fields(distance, flow, boundary=None, *, method="join", **settings):
    """Omnipose: also its holes, which depend on the dimensions."""
    return masks.masks_from_fields(
        distance,
        flow=flow,
        boundary=boundary,
        method=method,
        **{**_FLOW, "hole_size": 3 ** (distance.ndim // 2), **settings},
    )
