//! Blocks side by side, and rows of a label and its value.

use super::blocks::{Composer, points, set};
use super::mark::{Content, SMALLEST, Stack, height};
use super::wrap::Line;
use super::{Mark, Role, Row, Tag};
use crate::error::RenderError;
use crate::template::{Column, Pairs, Style, Width};

impl Composer<'_> {
    /// Columns become one row; a column with nothing in it keeps its place.
    pub(super) fn columns(&mut self, columns: &[Column], width: f32) -> Result<Row, RenderError> {
        let fixed: f32 = columns.iter().filter_map(|column| column.width.fixed()).sum();
        let shares: f32 = columns.iter().map(|column| column.width.share()).sum();
        let mut stacks = Vec::with_capacity(columns.len());
        let mut x = 0.0;
        for column in columns {
            let own = match column.width {
                Width::Fixed(width) => width,
                Width::Share(share) => (width - fixed) * share / shares,
                Width::Content => 0.0,
            };
            stacks.push(Stack { x, rows: self.compose(&column.blocks, own - column.gap)? });
            x += own;
        }
        let height = stacks.iter().map(|stack| height(&stack.rows)).fold(0.0, f32::max);
        Ok(Row { height, content: Content::Columns(stacks), ..Row::default() })
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
        if shown.is_empty() {
            return Ok(());
        }
        let label_width =
            shown.iter().map(|(label, _, pair)| widest(label, pair.label.size)).fold(0.0, f32::max);
        let room = own - label_width - pairs.gap;
        let table = self.tag(None, Role::Table);
        // Values of one size shrink together.
        let values: Vec<(&str, Style)> = shown.iter().map(|(_, value, pair)| (*value, pair.value)).collect();
        for (label, value, pair) in shown {
            let alike = values.iter().filter(|(_, style)| style.size.total_cmp(&pair.value.size).is_eq());
            let style = fitting(self, &pair.value, alike.map(|(value, _)| *value), room);
            // A value at the right edge may use what its own label leaves; one beside the labels
            // starts where the longest of them ends.
            let used = if pair.spread { widest(&label, pair.label.size) } else { label_width };
            let x = used + pairs.gap;
            let value = self.lines(value, &style, own - x);
            let mut marks = Vec::with_capacity(2);
            let row = self.tag(table, Role::Row);
            let header = self.tag(row, Role::RowHeader);
            let mut height = stack(&mut marks, label, &pair.label, header, [left, used], 0.0);
            let first_baseline = pair.label.baseline().max(style.baseline());
            let drop = first_baseline - style.baseline();
            let cell = self.tag(row, Role::Cell);
            height = height.max(stack(&mut marks, value, &style, cell, [left + x, own - x], drop));
            rows.push(Row { before: pair.before, ..Row::of(height, marks) });
        }
        Ok(())
    }
}

/// The style of a column of texts: one size for all, so small that each number fits. Where that would be too small to
/// read, numbers are broken into lines, as other texts are.
pub(super) fn fitting<'a>(
    composer: &Composer<'_>,
    style: &Style,
    texts: impl Iterator<Item = &'a str>,
    width: f32,
) -> Style {
    let numbers = texts.filter(|text| is_number(text));
    let natural = numbers.map(|text| composer.natural_width(text, style)).fold(0.0, f32::max);
    let size = style.size * width / natural;
    if natural <= width || size < SMALLEST { *style } else { Style { size, ..*style } }
}

/// Digits and what stands between them, perhaps with a unit after a no-break space.
pub(super) fn is_number(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit()) && !text.contains([' ', '\n']) && {
        text.chars().filter(|c| c.is_alphabetic()).count() <= 4
    }
}

/// The width of the widest line, in points.
pub(super) fn widest(lines: &[Line], size: f32) -> f32 {
    lines.iter().map(|line| points(line.width, size)).fold(0.0, f32::max)
}

/// Sets lines one below the other from `y` in the box from `x` that is so wide; returns where the last one ends.
pub(super) fn stack(
    marks: &mut Vec<Mark>,
    lines: Vec<Line>,
    style: &Style,
    tag: Option<Tag>,
    [x, width]: [f32; 2],
    y: f32,
) -> f32 {
    let mut y = y;
    for line in lines {
        marks.push(set(line, style, tag, x, width, y));
        y += style.leading();
    }
    y
}
