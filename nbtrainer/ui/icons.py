"""Little pictures of what each kind of segmentation gives, as SVG; `{name}` stands for a colour of the style file."""

from __future__ import annotations

from urllib.parse import quote

WIDTH, HEIGHT = 48, 34
# three objects, the first two of which touch: centre, half axes and turn
_OBJECTS = ((13, 13, 8, 6, 20), (24, 20, 7, 6, -40), (38, 11, 6, 5, 60))


def _ellipses(style: str) -> str:
    """The objects, each drawn in a `style`, in which `{own}` is its own colour."""
    own = ("{region}", "{over}", "{given}")
    return "".join(
        f'<ellipse cx="{x}" cy="{y}" rx="{across}" ry="{up}" transform="rotate({turn} {x} {y})" '
        f"{style.replace('{own}', colour)}/>"
        for (x, y, across, up, turn), colour in zip(_OBJECTS, own, strict=True)
    )


def _arrows() -> str:
    """Lines to the middle of each object, from its edge."""
    lines = []
    for x, y, across, up, _ in _OBJECTS:
        ends = ((x - across, y), (x + across, y), (x, y - up), (x, y + up))
        lines += [f"M{far} {high}L{(far + 3 * x) / 4} {(high + 3 * y) / 4}" for far, high in ends]
    return f'<path d="{"".join(lines)}" stroke="{{handle}}" stroke-width="1.3" stroke-linecap="round"/>'


GLYPHS = {
    "binary": _ellipses('fill="{handle}"'),
    "semantic": '<path d="M0 34V25Q14 30 26 26T48 22V34Z" fill="{left-out}"/>'
    + _ellipses('fill="{region}"').replace("{region}", "{chosen}", 1),
    "instance_contour": _ellipses('fill="{own}" fill-opacity=".75" stroke="{handle}" stroke-width="1.6"'),
    "instance_flow": _ellipses('fill="{own}" fill-opacity=".75"') + _arrows(),
    "epyseg": '<path d="M-2 9L9 7L16 12L28 6L39 11L50 6M9 7L12 -2M28 6L30 -2M16 12L14 23L25 28L36 22L39 11'
    'M36 22L50 26M14 23L3 26L-2 22M3 26L5 36M25 28L26 36M28 6L27 15M27 15L14 23M27 15L36 22" '
    'fill="none" stroke="{handle}" stroke-width="1.8" stroke-linejoin="round"/>',
    "unsupervised": '<defs><radialGradient id="g"><stop offset=".2" stop-color="{handle}"/>'
    '<stop offset="1" stop-color="{handle}" stop-opacity="0"/></radialGradient></defs>'
    '<circle cx="11" cy="11" r="10" fill="url(#g)"/><circle cx="13" cy="26" r="8" fill="url(#g)"/>'
    '<path d="M24 0H48V34H24Z" fill="{missed}" fill-opacity=".35"/>'
    '<circle cx="35" cy="11" r="6.5" fill="{over}"/><circle cx="37" cy="26" r="5" fill="{over}"/>'
    '<path d="M24 0V34" stroke="{handle}" stroke-dasharray="2 2"/>',
}


def glyph_of(kind: str) -> str:
    """The picture of a kind of segmentation; objects where none was drawn for it."""
    return GLYPHS.get(kind) or _ellipses('fill="{own}"')


def as_url(glyph: str, colours: dict[str, str]) -> str:
    """A glyph as the address of a picture, for a style sheet."""
    for name, colour in colours.items():
        glyph = glyph.replace(f"{{{name}}}", colour)
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" rx="2" fill="{colours["ground"]}"/>'
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{ground}{glyph}</svg>'
    return f"url(data:image/svg+xml,{quote(drawn)})"
