"""Pure functions on label arrays: (Z, Y, X) or (Y, X) whole numbers, 0 is background."""

from nbtrainer.labels.clean import clear_border, dilate, fill_holes, merge_links, relabel_pieces, remove_small
from nbtrainer.labels.flow import FlowFields, flow_fields
from nbtrainer.labels.links import read_links
from nbtrainer.labels.lookup import LabelLookup
from nbtrainer.labels.masks import masks_from_fields
from nbtrainer.labels.neighbours import affinity, rim
from nbtrainer.labels.objects import Objects, dense_regions, density, mean_diameter, measure_objects, near_misses
from nbtrainer.labels.values import colours_to_ids, drop_alpha, frequent_values, pack_colours, snap_values

__all__ = [
    "FlowFields",
    "LabelLookup",
    "Objects",
    "affinity",
    "clear_border",
    "colours_to_ids",
    "dense_regions",
    "density",
    "dilate",
    "drop_alpha",
    "fill_holes",
    "flow_fields",
    "frequent_values",
    "masks_from_fields",
    "mean_diameter",
    "measure_objects",
    "merge_links",
    "near_misses",
    "pack_colours",
    "read_links",
    "relabel_pieces",
    "remove_small",
    "rim",
    "snap_values",
]
