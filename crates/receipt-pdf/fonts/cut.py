#!/usr/bin/env python3
"""Cuts Noto Sans down to what receipts need: Latin, Greek, Cyrillic and signs, without hinting,
kerning or names, its outlines on a grid of 1/250 em. A third font, Symbols, gathers the arrows,
mathematical signs, check marks and pictures that Noto Sans lacks from Noto's fonts of symbols.

Every receipt carries part of these outlines, so each byte counts: the coarser grid takes an eighth
off them, and moves no point by more than 7 micrometres in a text of 10 points.

The result is committed; run this only to change the characters or the font:

    apt-get install fonts-noto-core && pip install fonttools==4.68.0 && python3 cut.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from fontTools.merge import Merger
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._g_l_y_f import GlyphCoordinates

CHARACTERS = [
    (0x0020, 0x007E), (0x00A0, 0x024F),  # Latin: Basic, Latin-1, Extended-A and -B
    (0x0259, 0x0259), (0x02BB, 0x02BC), (0x02C6, 0x02DD),  # schwa, modifier letters
    (0x0300, 0x0304), (0x0306, 0x030C), (0x0326, 0x0328),  # combining marks
    (0x0370, 0x03FF), (0x0400, 0x052F),  # Greek, Cyrillic
    (0x1E00, 0x1EFF),  # Latin Extended Additional
    (0x2010, 0x2027), (0x202F, 0x203E), (0x2044, 0x2044),  # punctuation
    (0x2070, 0x2094), (0x20A0, 0x20C0),  # super- and subscripts, currencies
    (0x2100, 0x214F), (0x2150, 0x215F),  # letterlike signs, fractions
    (0x2190, 0x2193), (0x2212, 0x2215), (0x2248, 0x2248), (0x2260, 0x2265),  # arrows, mathematics
    (0x25A0, 0x25A1), (0x25CA, 0x25CA), (0xFFFD, 0xFFFD),  # boxes, the replacement character
]
# Each from the first of the fonts that has it.
SYMBOL_FONTS = ("NotoSansMath-Regular", "NotoSansSymbols2-Regular", "NotoSansSymbols-Regular")
SYMBOLS = [
    (0x2190, 0x21FF), (0x27F5, 0x27FA), (0x2B05, 0x2B0D),  # arrows
    (0x2200, 0x222B), (0x2234, 0x2237), (0x223C, 0x223C), (0x2243, 0x224C), (0x2250, 0x2253),
    (0x2260, 0x226B), (0x2282, 0x228B), (0x2295, 0x2299), (0x22A5, 0x22A5), (0x22C5, 0x22C6),  # mathematics
    (0x2300, 0x2300), (0x2302, 0x2302), (0x2308, 0x230B), (0x231A, 0x231B), (0x2328, 0x2328),
    (0x232B, 0x232B), (0x23CE, 0x23CF), (0x23F0, 0x23F3),  # technical
    (0x2460, 0x2473), (0x25A0, 0x25FF),  # circled digits, geometric shapes
    (0x2600, 0x2602), (0x2605, 0x2606), (0x260E, 0x260E), (0x2610, 0x2612), (0x2614, 0x2615),
    (0x261B, 0x261B), (0x261E, 0x261E), (0x2639, 0x263A), (0x2640, 0x2642), (0x2660, 0x266F),
    (0x2672, 0x2672), (0x267A, 0x267B), (0x267F, 0x267F), (0x2699, 0x2699), (0x26A0, 0x26A1),  # signs, pictures
    (0x2702, 0x2703), (0x2706, 0x2709), (0x270E, 0x270F), (0x2713, 0x2718), (0x2726, 0x2727), (0x2730, 0x2730),
    (0x2733, 0x2736), (0x2739, 0x2739), (0x2744, 0x2744), (0x274C, 0x274C), (0x2753, 0x2757), (0x2764, 0x2764),
    (0x2776, 0x277F), (0x2794, 0x27AF), (0x27B1, 0x27BE),  # dingbats
    (0x2B1B, 0x2B1C), (0x2B50, 0x2B50),  # squares, a star
]
GRID = 4  # of 1000 units to the em


NOTO = Path("/usr/share/fonts/truetype/noto")
HERE = Path(__file__).parent


def cut(name: str, characters: set[int]) -> TTFont:
    font = TTFont(NOTO / f"{name}.ttf", recalcTimestamp=False)
    options = Options()
    options.hinting = False
    options.layout_features = []
    options.glyph_names = False
    options.notdef_outline = True
    options.name_IDs = []
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "MATH", "DSIG", "STAT", "meta", "gasp"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)

    def on_grid(value: int) -> int:
        return round(value / GRID) * GRID

    glyphs = font["glyf"]
    for name in glyphs.keys():
        glyph = glyphs[name]
        if glyph.isComposite():
            for part in glyph.components:
                if hasattr(part, "x"):
                    part.x, part.y = on_grid(part.x), on_grid(part.y)
        elif glyph.numberOfContours > 0:
            points = ((on_grid(x), on_grid(y)) for x, y in glyph.coordinates)
            glyph.coordinates = GlyphCoordinates(list(points))
    for name in glyphs.keys():
        glyphs[name].recalcBounds(glyphs)
    return font


def codes(ranges: list[tuple[int, int]]) -> set[int]:
    return {c for first, last in ranges for c in range(first, last + 1)}


faces = []
for weight in ("Regular", "Bold"):
    faces.append(cut(f"NotoSans-{weight}", codes(CHARACTERS)))
    faces[-1].save(HERE / f"NotoSans-{weight}.ttf")

left = codes(SYMBOLS) - set(faces[0].getBestCmap())
with TemporaryDirectory() as folder:
    parts = []
    for name in SYMBOL_FONTS:
        found = left & set(TTFont(NOTO / f"{name}.ttf").getBestCmap())
        left -= found
        parts.append(Path(folder) / f"{name}.ttf")
        cut(name, found).save(parts[-1])
    symbols = Merger().merge(parts)
    # As in the others: merging takes them anew from the time and the machine.
    symbols["head"].modified = symbols["head"].created = faces[0]["head"].modified
    symbols.recalcTimestamp = False
    symbols["name"] = faces[0]["name"]
    symbols["post"].formatType = 3.0
    for metric in ("ascent", "descent", "lineGap"):
        setattr(symbols["hhea"], metric, getattr(faces[0]["hhea"], metric))
    symbols.save(HERE / "NotoSans-Symbols.ttf")
