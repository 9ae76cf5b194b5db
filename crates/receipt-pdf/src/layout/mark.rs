//! What stands on a page, and where: marks, and the rows that stay in one piece when pages are broken.

use super::structure::Tag;
use crate::font::{FaceId, Run};

/// Numbers that are too wide are set smaller, but not below this, in points.
pub(super) const SMALLEST: f32 = 6.0;

/// A finished page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) width: f32,
    pub(crate) height: f32,
    /// An image under everything, by its number.
    pub(crate) background: Option<usize>,
    /// A text under everything else.
    pub(crate) watermark: Option<Watermark>,
    pub(crate) marks: Vec<Mark>,
}

/// A line of text in the middle of a page, turned about it.
#[derive(Clone, Debug)]
pub(crate) struct Watermark {
    /// Where it stood if it were not turned.
    pub(crate) mark: Mark,
    /// Degrees, anticlockwise.
    pub(crate) angle: f32,
}

impl Watermark {
    /// The upright rectangle around it.
    pub(crate) fn area(&self) -> Area {
        let area = self.mark.area();
        let [width, height] = turned([area.width, area.height], self.angle);
        let (x, y) = (area.x + (area.width - width) / 2.0, area.y + (area.height - height) / 2.0);
        Area { x, y, width, height }
    }
}

/// Width and height of the upright rectangle around one that is turned by an angle in degrees.
pub(crate) fn turned([width, height]: [f32; 2], angle: f32) -> [f32; 2] {
    let (sin, cos) = angle.to_radians().sin_cos();
    [width * cos.abs() + height * sin.abs(), width * sin.abs() + height * cos.abs()]
}

impl Page {
    /// All that is drawn, but for the background.
    pub(crate) fn all_marks(&self) -> impl Iterator<Item = &Mark> {
        self.watermark.iter().map(|watermark| &watermark.mark).chain(&self.marks)
    }

    /// Puts a row's marks on the page, its top left corner at `left` and `top`.
    pub(crate) fn place(&mut self, row: Row, left: f32, top: f32) {
        match row.content {
            Content::Marks(marks) => self.marks.extend(marks.into_iter().map(|mut mark| {
                mark.shift(left, top);
                mark
            })),
            Content::Columns(columns) => {
                for Stack { x, rows } in columns {
                    self.place_all(rows, left + x, top);
                }
            }
        }
    }

    /// Puts rows one below the other; returns where they end.
    pub(crate) fn place_all(&mut self, rows: Vec<Row>, left: f32, top: f32) -> f32 {
        let mut y = top;
        for (i, row) in rows.into_iter().enumerate() {
            y += if i > 0 { row.before } else { 0.0 };
            let height = row.height;
            self.place(row, left, y);
            y += height;
        }
        y
    }
}

/// A strip of a page, as wide as the block that it is of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) height: f32,
    pub(crate) content: Content,
    /// Space above, dropped at the top of a page.
    pub(crate) before: f32,
    /// Stays on the page of the row that follows.
    pub(crate) keep_with_next: bool,
    /// The table it belongs to: where it starts a page, that table's header is repeated above it.
    pub(crate) table: Option<usize>,
}

/// What a row shows.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Marks, placed relative to the row's top left corner.
    Marks(Vec<Mark>),
    /// Rows beside other rows.
    Columns(Vec<Stack>),
}

/// Rows one below the other, at a distance from the left edge of the row that they are in.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) x: f32,
    pub(crate) rows: Vec<Row>,
}

impl Default for Content {
    fn default() -> Self {
        Self::Marks(Vec::new())
    }
}

impl Row {
    pub(crate) fn of(height: f32, marks: Vec<Mark>) -> Self {
        Self { height, content: Content::Marks(marks), ..Self::default() }
    }

    /// Cuts a row: what fits into `height`, and the rest, under the repeated headers of its tables. No mark is
    /// cut, and no row of a table that fits into a page. The row stays whole where nothing of it fits.
    pub(crate) fn split(self, height: f32, room: f32, headers: &[Vec<Row>]) -> (Self, Option<Self>) {
        match self.content {
            Content::Marks(marks) => Self { content: Content::default(), ..self }.split_marks(marks, height),
            Content::Columns(columns) => {
                let mut upper = Vec::with_capacity(columns.len());
                let mut lower = Vec::with_capacity(columns.len());
                for Stack { x, rows } in columns {
                    let (fit, rest) = split_rows(rows, height, room, headers);
                    upper.push(Stack { x, rows: fit });
                    lower.push(Stack { x, rows: rest });
                }
                let whole = Self { content: Content::default(), ..self };
                if upper.iter().all(|stack| stack.rows.is_empty()) {
                    return (whole.with_columns(lower), None);
                }
                if lower.iter().all(|stack| stack.rows.is_empty()) {
                    return (whole.with_columns(upper), None);
                }
                let rest = Self { before: 0.0, ..whole.clone() }.with_columns(lower);
                (Self { keep_with_next: false, ..whole }.with_columns(upper), Some(rest))
            }
        }
    }

    /// The least of it that a page can begin with: of columns, a table's header and its first row.
    pub(crate) fn least(&self) -> f32 {
        let Content::Columns(columns) = &self.content else { return self.height };
        let of_stack = |stack: &Stack| {
            let kept = stack.rows.iter().take_while(|row| row.keep_with_next).count();
            let rest = stack.rows.get(kept).map_or(0.0, Self::least);
            height(&stack.rows[..kept]) + rest
        };
        columns.iter().map(of_stack).fold(0.0, f32::max)
    }

    /// What a page must have room for, however the row is cut: its table's header, its space above its first mark, and
    /// that mark.
    pub(crate) fn least_mark(&self, headers: &[Vec<Row>]) -> f32 {
        let header = self.table.and_then(|table| headers.get(table)).map_or(0.0, |header| height(header));
        header
            + match &self.content {
                Content::Marks(marks) => {
                    let areas = || marks.iter().map(Mark::area);
                    let highest = areas().map(|area| area.height).fold(0.0, f32::max);
                    areas().map(|area| area.y + area.height).reduce(f32::min).unwrap_or(0.0).max(highest)
                }
                Content::Columns(columns) => {
                    let rows = columns.iter().flat_map(|stack| &stack.rows);
                    let least = |row: &Self| match &row.content {
                        // Space within columns is not cut: what is below it would leave the page.
                        Content::Marks(marks) if marks.is_empty() => row.height,
                        _ => row.least_mark(headers),
                    };
                    rows.map(least).fold(0.0, f32::max)
                }
            }
    }

    fn with_columns(self, columns: Vec<Stack>) -> Self {
        let height = columns.iter().map(|stack| height(&stack.rows)).fold(0.0, f32::max);
        Self { height, content: Content::Columns(columns), ..self }
    }

    fn split_marks(self, mut marks: Vec<Mark>, height: f32) -> (Self, Option<Self>) {
        let mut sorted: Vec<Area> = marks.iter().map(Mark::area).collect();
        sorted.sort_by(|a, b| a.y.total_cmp(&b.y));
        let (mut cut, mut bottom) = (None, 0.0_f32);
        for (i, area) in sorted.iter().enumerate() {
            if i > 0 && area.y >= bottom - OVERHANG {
                cut = Some(area.y);
            }
            bottom = bottom.max(area.y + area.height);
            if bottom > height {
                break;
            }
        }
        let Some(cut) = cut else { return (Self { content: Content::Marks(marks), ..self }, None) };
        let mut rest: Vec<Mark> = marks.extract_if(.., |mark| mark.area().y >= cut).collect();
        rest.iter_mut().for_each(|mark| mark.shift(0.0, -cut));
        let rest =
            Self { height: self.height - cut, content: Content::Marks(rest), before: 0.0, ..self.clone() };
        (Self { height: cut, content: Content::Marks(marks), keep_with_next: false, ..self }, Some(rest))
    }

    /// The same as an artifact: repeated on another page, it is nothing that a screen reader should read again.
    pub(crate) fn into_artifact(mut self) -> Self {
        match &mut self.content {
            Content::Marks(marks) => marks.iter_mut().for_each(|mark| mark.tag = None),
            Content::Columns(columns) => {
                for row in columns.iter_mut().flat_map(|stack| &mut stack.rows) {
                    *row = std::mem::take(row).into_artifact();
                }
            }
        }
        self
    }
}

/// How high rows are, one below the other.
pub(crate) fn height(rows: &[Row]) -> f32 {
    rows.iter().enumerate().map(|(i, row)| if i > 0 { row.before } else { 0.0 } + row.height).sum()
}

/// The rows that fit into `height`, and the rest, under the repeated header of its table.
fn split_rows(mut rows: Vec<Row>, limit: f32, room: f32, headers: &[Vec<Row>]) -> (Vec<Row>, Vec<Row>) {
    // What stands on top has no space above.
    rows.iter_mut().take(1).for_each(|row| row.before = 0.0);
    let mut fit: Vec<Row> = Vec::with_capacity(rows.len());
    let mut used = 0.0;
    let mut rows = rows.into_iter().peekable();
    while let Some(row) = rows.next_if(|row| used + row.before + row.height <= limit) {
        used += row.before + row.height;
        fit.push(row);
    }
    let mut rest = Vec::new();
    let is_alone = limit >= room && fit.iter().all(|row| row.keep_with_next);
    let may_split = |row: &Row| is_alone || row.height > room || matches!(row.content, Content::Columns(_));
    if let Some(row) = rows.next_if(may_split) {
        let left = limit - used - row.before;
        // Below nothing but its header, it would be no better off on the next page, nor on any other.
        let header = row.table.and_then(|table| headers.get(table));
        let is_first = is_alone && header.is_some_and(|header| fit.len() <= header.len());
        let (upper, lower) = row.split(left, room, headers);
        match lower {
            Some(lower) => {
                fit.push(upper);
                rest.push(lower);
            }
            None if is_first => fit.push(upper),
            None => rest.push(upper),
        }
    }
    rest.extend(rows);
    // Where all is kept together and more than a page, it cannot be.
    if !rest.is_empty() && !is_alone {
        while fit.last().is_some_and(|row| row.keep_with_next) {
            rest.splice(0..0, fit.pop());
        }
    }
    if let Some(header) = rest.first().and_then(|row| headers.get(row.table?)) {
        rest.splice(0..0, header.iter().cloned().map(Row::into_artifact));
    }
    (fit, rest)
}

/// One thing on a page.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    /// What it is part of; `None` for what says nothing: rules, and what is repeated on every page.
    pub(crate) tag: Option<Tag>,
    pub(crate) ink: Ink,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub(crate) enum Ink {
    /// One line of text: the face's glyph for each character, or the glyphs of `runs` if there are any.
    Text {
        x: f32,
        baseline: f32,
        width: f32,
        face: FaceId,
        size: f32,
        color: Color,
        text: String,
        runs: Vec<Run>,
    },
    /// A filled rectangle: a rule.
    Fill { area: Area, color: Color },
    /// Black bars or modules of a code: rectangles relative to the area's corner.
    Bars { area: Area, bars: Vec<Area> },
    /// An image of the template, by its number.
    Image { area: Area, image: usize },
}

/// A rectangle: its top left corner, its width and height.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Area {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

impl Area {
    /// Whether one of them is on another by more than a tolerance.
    pub(crate) fn overlap(areas: impl Iterator<Item = Self>, tolerance: f32) -> bool {
        let mut areas: Vec<Self> = areas.collect();
        areas.sort_by(|a, b| a.y.total_cmp(&b.y));
        areas.iter().enumerate().any(|(i, a)| {
            let mut below = areas[i + 1..].iter().take_while(|b| b.y < a.y + a.height - tolerance);
            below.any(|b| b.x < a.x + a.width - tolerance && a.x < b.x + b.width - tolerance)
        })
    }
}

/// Red, green and blue, from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Color(pub(crate) [u8; 3]);

impl Color {
    pub(crate) const BLACK: Self = Self([0; 3]);
}

/// Of the font size: above the baseline, the ring of an Å; below it, the tail of a g.
pub(super) const ABOVE: f32 = 0.96;
pub(super) const BELOW: f32 = 0.24;

/// How far the ink of two lines of text may reach into each other at the tightest line height.
const OVERHANG: f32 = 0.5;

impl Mark {
    /// A rule, which says nothing.
    pub(crate) fn rule(area: Area, color: Color) -> Self {
        Self { tag: None, ink: Ink::Fill { area, color } }
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.ink, Ink::Text { .. })
    }

    /// The area its ink may touch.
    pub(crate) fn area(&self) -> Area {
        match &self.ink {
            Ink::Text { x, baseline, width, size, .. } => {
                Area { x: *x, y: baseline - ABOVE * size, width: *width, height: (ABOVE + BELOW) * size }
            }
            Ink::Fill { area, .. } | Ink::Bars { area, .. } | Ink::Image { area, .. } => *area,
        }
    }

    /// Moves it right and down.
    pub(crate) fn shift(&mut self, right: f32, down: f32) {
        match &mut self.ink {
            Ink::Text { x, baseline, .. } => {
                *x += right;
                *baseline += down;
            }
            Ink::Fill { area, .. } | Ink::Bars { area, .. } | Ink::Image { area, .. } => {
                area.x += right;
                area.y += down;
            }
        }
    }
}
