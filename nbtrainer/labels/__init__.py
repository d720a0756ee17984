"""Pure functions on label arrays: (Z, Y, X) or (Y, X) whole numbers, 0 is background."""

from nbtrainer.labels.clean import clear_border, dilate, fill_holes, merge_links, relabel_pieces, remove_small
from nbtrainer.labels.error_regions import Mistake, worst_objects
from nbtrainer.labels.labels_of_interest import LabelLookup
from nbtrainer.labels.links import read_links
from nbtrainer.labels.match import Overlaps, count_overlaps, match_objects, merge_pairs, split_pairs
from nbtrainer.labels.objects import ObjectMeasures, dense_regions, density, mean_diameter, measure_objects, near_misses
from nbtrainer.labels.values import colours_to_ids, drop_alpha, frequent_values, pack_colours, snap_values

__all__ = [
    "LabelLookup",
    "Mistake",
    "ObjectMeasures",
    "Overlaps",
    "clear_border",
    "colours_to_ids",
    "count_overlaps",
    "dense_regions",
    "density",
    "dilate",
    "drop_alpha",
    "fill_holes",
    "frequent_values",
    "match_objects",
    "mean_diameter",
    "measure_objects",
    "merge_links",
    "merge_pairs",
    "near_misses",
    "pack_colours",
    "read_links",
    "relabel_pieces",
    "remove_small",
    "snap_values",
    "split_pairs",
    "worst_objects",
]
