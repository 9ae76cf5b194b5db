//! What stands on a page, and where: marks, and the rows that stay in one piece when pages are broken.

use crate::font::Weight;

/// A finished page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) marks: Vec<Mark>,
}

impl Page {
    /// Puts a row's marks on the page, its top left corner at `left` and `top`.
    pub(crate) fn place(&mut self, row: Row, left: f32, top: f32) {
        self.marks.extend(row.marks.into_iter().map(|mut mark| {
            mark.shift(left, top);
            mark
        }));
    }
}

/// Marks in a strip, placed relative to its top left corner.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) height: f32,
    pub(crate) marks: Vec<Mark>,
    /// Space above, dropped at the top of a page.
    pub(crate) before: f32,
    /// Stays on the page of the row that follows.
    pub(crate) keep_with_next: bool,
    /// The table it belongs to: where it starts a page, that table's header is repeated above it.
    pub(crate) table: Option<usize>,
}

impl Row {
    /// Cuts a row higher than a page where no mark is cut: what fits into `height`, and the rest.
    /// Where not even the first marks fit, the row stays whole.
    pub(crate) fn split(mut self, height: f32) -> (Self, Option<Self>) {
        self.marks.sort_by(|a, b| a.area().y.total_cmp(&b.area().y));
        let (mut cut, mut bottom) = (0, 0.0_f32);
        for (i, mark) in self.marks.iter().enumerate() {
            let area = mark.area();
            if area.y >= bottom - OVERHANG {
                cut = i;
            }
            bottom = bottom.max(area.y + area.height);
            if bottom > height {
                break;
            }
        }
        if cut == 0 {
            return (self, None);
        }
        let mut marks = self.marks.split_off(cut);
        let top = marks.first().map_or(self.height, |mark| mark.area().y);
        marks.iter_mut().for_each(|mark| mark.shift(0.0, -top));
        let rest = Self { height: self.height - top, marks, before: 0.0, ..self };
        (Self { height: top, keep_with_next: false, ..self }, Some(rest))
    }
}

/// One thing on a page.
#[derive(Clone, Debug)]
pub(crate) enum Mark {
    /// One line of text, whose every character the face has.
    Text { x: f32, baseline: f32, width: f32, weight: Weight, size: f32, color: Color, text: String },
    /// A filled rectangle: a rule.
    Fill { area: Area, color: Color },
    /// Black bars or modules of a code: rectangles relative to the area's corner.
    Bars { area: Area, bars: Vec<Area> },
    /// An image of the template, by its number.
    Image { area: Area, image: usize },
}

/// A rectangle: its top left corner, its width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

/// Red, green and blue, from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Color(pub(crate) [u8; 3]);

impl Color {
    pub(crate) const BLACK: Self = Self([0; 3]);
}

/// Of the font size: above the baseline, the ring of an Å; below it, the tail of a g.
const ABOVE: f32 = 0.96;
const BELOW: f32 = 0.24;

/// How far the ink of two lines of text may reach into each other at the tightest line height.
const OVERHANG: f32 = 0.5;

impl Mark {
    /// The area its ink may touch.
    pub(crate) fn area(&self) -> Area {
        match self {
            Self::Text { x, baseline, width, size, .. } => {
                Area { x: *x, y: baseline - ABOVE * size, width: *width, height: (ABOVE + BELOW) * size }
            }
            Self::Fill { area, .. } | Self::Bars { area, .. } | Self::Image { area, .. } => *area,
        }
    }

    /// Moves it right and down.
    pub(crate) fn shift(&mut self, right: f32, down: f32) {
        match self {
            Self::Text { x, baseline, .. } => {
                *x += right;
                *baseline += down;
            }
            Self::Fill { area, .. } | Self::Bars { area, .. } | Self::Image { area, .. } => {
                area.x += right;
                area.y += down;
            }
        }
    }
}
