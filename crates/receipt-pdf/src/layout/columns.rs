//! Blocks side by side, and rows of a label and its value.

use super::blocks::{Composer, points, set};
use super::wrap::Line;
use super::{Mark, Row};
use crate::error::RenderError;
use crate::template::{Column, Pairs, Style, Width};

impl Composer<'_> {
    /// Columns become one row; a column with nothing in it keeps its place.
    pub(super) fn columns(&mut self, columns: &[Column], width: f32) -> Result<Row, RenderError> {
        let fixed: f32 = columns.iter().filter_map(|column| column.width.fixed()).sum();
        let shares: f32 = columns.iter().map(|column| column.width.share()).sum();
        let mut row = Row::default();
        let mut x = 0.0;
        for column in columns {
            let own = match column.width {
                Width::Fixed(width) => width,
                Width::Share(share) => (width - fixed) * share / shares,
                Width::Content => 0.0,
            };
            let mut y = 0.0;
            for mut inner in self.compose(&column.blocks, own - column.gap)? {
                if y > 0.0 {
                    y += inner.before;
                }
                inner.marks.iter_mut().for_each(|mark| mark.shift(x, y));
                row.marks.append(&mut inner.marks);
                y += inner.height;
            }
            row.height = row.height.max(y);
            x += own;
        }
        Ok(row)
    }

    /// Label left, value beside it or at the right edge. A row without a value is left out.
    pub(super) fn pairs(
        &mut self,
        pairs: &Pairs,
        width: f32,
        rows: &mut Vec<Row>,
    ) -> Result<(), RenderError> {
        let own = pairs.width.unwrap_or(width).min(width);
        let left = pairs.align.offset(width, own);
        let mut shown = Vec::with_capacity(pairs.rows.len());
        let texts = self.evaluate(&pairs.texts)?;
        for (fields, pair) in texts.split('\u{1e}').zip(&pairs.rows) {
            let (label, value) = fields.split_once('\u{1f}').unwrap_or_default();
            if !value.trim().is_empty() {
                let label = self.lines(label, &pair.label, own * 0.6);
                shown.push((label, value, pair));
            }
        }
        let label_width =
            shown.iter().map(|(label, _, pair)| widest(label, pair.label.size)).fold(0.0, f32::max);
        for (label, value, pair) in shown {
            // A value at the right edge may use what its own label leaves; one beside the labels
            // starts where the longest of them ends.
            let used = if pair.spread { widest(&label, pair.label.size) } else { label_width };
            let x = used + pairs.gap;
            let (value, style) = self.cell(value, &pair.value, own - x);
            let mut row = Row { before: pair.before, ..Row::default() };
            row.height = stack(&mut row.marks, label, &pair.label, left, used, 0.0);
            let first_baseline = pair.label.baseline().max(style.baseline());
            let drop = first_baseline - style.baseline();
            let bottom = stack(&mut row.marks, value, &style, left + x, own - x, drop);
            row.height = row.height.max(bottom);
            rows.push(row);
        }
        Ok(())
    }

    /// A cell's lines and the style to set them in. A number is not broken but set smaller, unless
    /// that would make it too small to read.
    pub(super) fn cell(&mut self, text: &str, style: &Style, width: f32) -> (Vec<Line>, Style) {
        const SMALLEST: f32 = 0.5;
        let natural = points(style.weight.face().width(text), style.size);
        if natural > width && width / natural >= SMALLEST && is_number(text) {
            let style = Style { size: style.size * width / natural, ..*style };
            return (self.lines(text, &style, width), style);
        }
        (self.lines(text, style, width), *style)
    }
}

/// Digits and what stands between them, perhaps with a unit after a no-break space.
fn is_number(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit()) && !text.contains([' ', '\n']) && {
        text.chars().filter(|c| c.is_alphabetic()).count() <= 4
    }
}

/// The width of the widest line, in points.
pub(super) fn widest(lines: &[Line], size: f32) -> f32 {
    lines.iter().map(|line| points(line.width, size)).fold(0.0, f32::max)
}

/// Sets lines one below the other from `y`; returns where the last one ends.
pub(super) fn stack(
    marks: &mut Vec<Mark>,
    lines: Vec<Line>,
    style: &Style,
    x: f32,
    width: f32,
    y: f32,
) -> f32 {
    let mut y = y;
    for line in lines {
        marks.push(set(line, style, x, width, y));
        y += style.leading();
    }
    y
}
