"""Where an array lies in space, and how one array is brought to the axes of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

Vector = tuple[float, float, float]

# corners that lie nearer to each other than this share of the smallest voxel side are the same
_SAME = 0.5
# lengths that differ by less are the same: headers keep them in 32 bits, and round
_SAME_LENGTH = 0.01
# below this share of a voxel, rounding is as likely as a shift
_SHIFT = 0.1
_DIRECTIONS = (("L", "R"), ("P", "A"), ("I", "S"))


@dataclass(frozen=True)
class Orientation:
    """Where an array lies: the middle of its first voxel, and the way from one voxel to the next along each axis.

    Attributes
    ----------
    origin, steps
        (x, y, z) in millimetres; `steps` by the letter of the axis. In the system "anatomical" they count towards right,
        anterior and superior, as in NIfTI.
    system
        PatchSampler of different systems cannot be compared.
    """

    origin: Vector
    steps: Mapping[str, Vector]
    system: str = "anatomical"

    @classmethod
    def of(cls, affine: np.ndarray, *, letters: str, system: str = "anatomical") -> Orientation | None:
        """The place that a matrix (3 or 4, n + 1) says, with one column for each of `letters` and one for the origin.

        None if it says nothing that could be true.
        """
        matrix = np.asarray(affine, float)[:3]
        if not np.isfinite(matrix).all() or (np.linalg.norm(matrix[:, : len(letters)], axis=0) == 0).any():
            return None
        steps = {letter: _vector(matrix[:, column]) for column, letter in enumerate(letters)}
        return cls(_vector(matrix[:, -1]), steps, system)

    def affine(self, letters: str) -> np.ndarray:
        """The matrix (4, 4) from voxel numbers along the axes `letters` (at most three) to millimetres."""
        matrix = np.eye(4)
        for column, letter in enumerate(letters):
            matrix[:3, column] = self.steps[letter]
        matrix[:3, 3] = self.origin
        return matrix

    def orientation(self, letters: str) -> str:
        """Towards what the axes `letters` count, as anatomists say it: `SAR` for superior, anterior, right."""
        return "".join(_direction(np.array(self.steps[letter])) for letter in letters if letter in self.steps)

    def corners(self, lengths: Mapping[str, int]) -> np.ndarray:
        """The middles of the voxels at the corners, (2 ** n, 3) in millimetres; `lengths` in the order of the axes."""
        ends = product(*([(0, length - 1) for length in lengths.values()]))
        steps = np.array([self.steps[letter] for letter in lengths])
        return np.array([np.array(self.origin) + np.array(end) @ steps for end in ends])

    def reorder(self, order: Mapping[str, tuple[str, bool]], lengths: Mapping[str, int]) -> Orientation:
        """The place of an array whose axis `new` was the axis `old` of this one, from end to start where reversed."""
        origin, steps = np.array(self.origin), dict(self.steps)
        for new, (old, is_reversed) in order.items():
            step = np.array(self.steps[old])
            if is_reversed:
                origin = origin + step * (lengths[old] - 1)
            steps[new] = _vector(-step if is_reversed else step)
        return Orientation(_vector(origin), steps, self.system)


def turn_between(
    orientation: Orientation, lengths: Mapping[str, int], other: Orientation, other_lengths: Mapping[str, int]
) -> dict[str, tuple[str, bool]] | None:
    """How an array must be turned to lie voxel on voxel on another: for each axis of the other the own one, and whether
    it is reversed. None if no turn does it. `lengths` are those of the axes that both places know, by letter."""
    if orientation.system != other.system or len(lengths) != len(other_lengths):
        return None
    own, target = list(lengths), list(other_lengths)
    cosines = np.array([[_cosine(other.steps[new], orientation.steps[old]) for old in own] for new in target])
    nearest = np.abs(cosines).argmax(axis=1)
    if len(set(nearest.tolist())) != len(own):
        return None
    order = {
        new: (own[column], bool(cosines[row, column] < 0))
        for row, (new, column) in enumerate(zip(target, nearest.tolist(), strict=True))
    }
    if any(lengths[old] != other_lengths[new] for new, (old, _) in order.items()):
        return None
    brought = orientation.reorder(order, lengths)
    apart = np.linalg.norm(brought.corners(other_lengths) - other.corners(other_lengths), axis=1).max()
    return order if apart < _SAME * min(np.linalg.norm(other.steps[letter]) for letter in target) else None


def difference(
    orientation: Orientation, *, other: Orientation, lengths: Mapping[str, int], whose: str = "its image"
) -> str:
    """In what a place differs from another of the same lengths, as a sentence about both; empty if in nothing.

    `whose` is what the other is called.
    """
    if orientation.system != other.system:
        return ""
    letters = "".join(lengths)
    own, theirs = (
        np.array([np.linalg.norm(each.steps[letter]) for letter in letters]) for each in (orientation, other)
    )
    if not np.allclose(own, theirs, rtol=_SAME_LENGTH):
        return f"its voxels are {_sizes(own)} mm, those of {whose} {_sizes(theirs)} mm"
    directions = [each.orientation(letters[::-1]) for each in (orientation, other)]
    if directions[0] != directions[1]:
        return f"its axes point to {directions[0]}, those of {whose} to {directions[1]}"
    apart = np.linalg.norm(orientation.corners(lengths) - other.corners(lengths), axis=1)
    if apart.max() > max(_SHIFT, _SAME_LENGTH) * theirs.min():
        return f"it lies up to {apart.max():.3g} mm from the place of {whose}"
    return ""


def _vector(values: Sequence[float] | np.ndarray) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _direction(step: np.ndarray) -> str:
    axis = int(np.abs(step).argmax())
    return _DIRECTIONS[axis][int(step[axis] > 0)]


def _cosine(one: Vector, other: Vector) -> float:
    return float(np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)))


def _sizes(lengths: np.ndarray) -> str:
    return " x ".join(f"{length:.4g}" for length in lengths)
