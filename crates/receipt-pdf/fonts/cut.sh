#!/bin/sh
# Cuts Noto Sans down to what receipts need: Latin, Greek, Cyrillic and signs, without hinting,
# kerning or names. The result is committed; run this only to change the characters or the font.
#
#   apt-get install fonts-noto-core && pip install fonttools==4.68.0 && ./cut.sh
set -eu
cd "$(dirname "$0")"

# Basic Latin, Latin-1, Extended-A and -B; schwa; modifier letters and combining marks that names
# use; Greek; Cyrillic; Latin Extended Additional; punctuation; super- and subscripts; currency;
# letterlike signs; fractions; arrows; a little mathematics; boxes; the replacement character.
CHARACTERS="U+0020-007E,U+00A0-024F,U+0259,U+02BB-02BC,U+02C6-02DD,U+0300-0304,U+0306-030C,\
U+0326-0328,U+0370-03FF,U+0400-052F,U+1E00-1EFF,U+2010-2027,U+202F-203E,U+2044,U+2070-2094,\
U+20A0-20C0,U+2100-214F,U+2150-215F,U+2190-2193,U+2212,U+2215,U+2248,U+2260,U+2264-2265,\
U+25A0-25A1,U+25CA,U+FFFD"

for weight in Regular Bold; do
    pyftsubset "/usr/share/fonts/truetype/noto/NotoSans-$weight.ttf" \
        --unicodes="$CHARACTERS" \
        --no-hinting --layout-features= --no-glyph-names --notdef-outline --name-IDs= \
        --drop-tables+=GSUB,GPOS,GDEF,DSIG,STAT,meta \
        --output-file="NotoSans-$weight.ttf"
done
