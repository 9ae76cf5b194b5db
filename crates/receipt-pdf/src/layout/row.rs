//! A strip across the body that stays in one piece when pages are broken.

use super::Mark;

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

/// How far the ink of two lines of text may reach into each other at the tightest line height.
const OVERHANG: f32 = 0.5;
