//! Tables: columns as wide as their content or sharing the rest, a header that is repeated.

use super::blocks::Composer;
use super::columns::{fitting, is_number, stack};
use super::mark::{Area, SMALLEST};
use super::{Mark, Role, Row, Tag};
use crate::error::RenderError;
use crate::template::{Align, Style, Table, TableColumn, Width};

/// Columns of content take this much of a table in which others share the rest; where numbers need it, more, but not
/// what the others need.
const MOST_FOR_CONTENT: f32 = 0.72;
const MOST_FOR_NUMBERS: f32 = 0.88;
/// Gaps between columns are narrowed to this share of themselves where numbers would not fit otherwise.
const NARROW_GAPS: f32 = 0.5;

/// A column that is shown: its place in the template's list, where its text stands, and how it is set.
struct Shown<'a> {
    i: usize,
    column: &'a TableColumn,
    place: [f32; 2],
    style: Style,
}

impl Composer<'_> {
    pub(super) fn table(
        &mut self,
        table: &Table,
        width: f32,
        rows: &mut Vec<Row>,
    ) -> Result<(), RenderError> {
        let body = self.evaluate(&table.texts)?;
        // One row's texts: each column's text and note.
        let cells: Vec<Vec<&str>> =
            body.split_terminator('\u{1e}').map(|row| row.split('\u{1f}').collect()).collect();
        if cells.is_empty() {
            return Ok(());
        }
        let titles = self.evaluate(&table.titles)?;
        let titles: Vec<&str> = titles.split('\u{1f}').collect();
        let (widths, gaps) = widths(self, table, &titles, &cells, width);
        let shown = shown(self, table, &widths, gaps, &cells);

        let tag = self.tag(None, Role::Table);
        let mut index = None;
        if table.header {
            index = Some(self.headers.len());
            let header = self.header(table, &titles, &shown, tag, width);
            self.headers.push(vec![header.clone()]);
            rows.push(header);
        }
        for (i, row) in cells.iter().enumerate() {
            let mut marks = Vec::with_capacity(shown.len() * 2 + 1);
            let mut bottom = table.padding;
            let tag = self.tag(tag, Role::Row);
            for Shown { i, column, place, style } in &shown {
                let text = row.get(i * 2).copied().unwrap_or_default();
                let note = row.get(i * 2 + 1).copied().unwrap_or_default();
                // Without titles, the first column tells what a row is.
                let is_header = !table.header && *i == shown[0].i;
                let tag = self.tag(tag, if is_header { Role::RowHeader } else { Role::Cell });
                let drop = table.padding + column.style.baseline() - style.baseline();
                let lines = self.lines(text, style, place[1]);
                let mut y = stack(&mut marks, lines, style, tag, *place, drop);
                if !note.is_empty() {
                    let muted = column.style.muted();
                    let lines = self.lines(note, &muted, place[1]);
                    y = stack(&mut marks, lines, &muted, tag, *place, y);
                }
                bottom = bottom.max(y);
            }
            let mut row = Row { table: index, ..Row::of(bottom + table.padding, Vec::new()) };
            if let Some(color) = table.row_rule.filter(|_| i + 1 < cells.len()) {
                marks.push(Mark::rule(Area { x: 0.0, y: row.height, width, height: RULE }, color));
                row.height += RULE;
            }
            rows.push(Row { table: index, ..Row::of(row.height, marks) });
        }
        Ok(())
    }

    /// The row of titles. It stays with the first row below it.
    fn header(
        &mut self,
        table: &Table,
        titles: &[&str],
        shown: &[Shown<'_>],
        tag: Option<Tag>,
        width: f32,
    ) -> Row {
        let mut marks = Vec::with_capacity(shown.len() + 1);
        let mut height = 0.0_f32;
        let tag = self.tag(tag, Role::Row);
        for Shown { i, column, place, .. } in shown {
            let style = Style { align: column.style.align, ..table.title };
            let lines = self.lines(titles.get(*i).copied().unwrap_or_default(), &style, place[1]);
            let tag = self.tag(tag, Role::ColumnHeader);
            height = height.max(stack(&mut marks, lines, &style, tag, *place, 0.0));
        }
        let y = height + table.padding;
        marks.push(Mark::rule(Area { x: 0.0, y, width, height: RULE * 1.5 }, table.title.color));
        Row { keep_with_next: true, ..Row::of(y + RULE * 1.5, marks) }
    }
}

/// The columns that have a width, each in one size.
fn shown<'a>(
    composer: &Composer<'_>,
    table: &'a Table,
    widths: &[f32],
    gaps: f32,
    cells: &[Vec<&str>],
) -> Vec<Shown<'a>> {
    let mut x = 0.0;
    let mut shown = Vec::with_capacity(widths.len());
    for ((i, column), own) in table.columns.iter().enumerate().zip(widths) {
        if *own > 0.0 {
            let inner = own - column.gap * gaps;
            let texts = cells.iter().filter_map(|row| row.get(i * 2).copied());
            let style = fitting(composer, &column.style, texts, inner);
            shown.push(Shown { i, column, place: [x + column.align_gap() * gaps, inner], style });
        }
        x += own;
    }
    shown
}

/// Thickness of the rules between rows, in points.
const RULE: f32 = 0.4;

impl TableColumn {
    /// The gap stands on the side that the text does not lean on.
    fn align_gap(&self) -> f32 {
        match self.style.align {
            Align::Left => 0.0,
            Align::Center => self.gap / 2.0,
            Align::Right => self.gap,
        }
    }
}

/// How wide each column is, and which share of the gaps between them is left: all of it, unless numbers need the room.
fn widths(
    composer: &Composer<'_>,
    table: &Table,
    titles: &[&str],
    cells: &[Vec<&str>],
    width: f32,
) -> (Vec<f32>, f32) {
    let is_hidden = |i: usize, column: &TableColumn| {
        let is_empty = |row: &Vec<&str>| row.iter().skip(i * 2).take(2).all(|text| text.trim().is_empty());
        column.hide_empty && cells.iter().all(is_empty)
    };
    let columns: Vec<_> =
        table.columns.iter().enumerate().filter(|(i, column)| !is_hidden(*i, column)).collect();
    let contents: Vec<_> =
        columns.iter().map(|(i, column)| content(composer, table, column, *i, titles, cells)).collect();
    let fixed: f32 = columns.iter().filter_map(|(_, column)| column.width.fixed()).sum();
    let shares: f32 = columns.iter().map(|(_, column)| column.width.share()).sum();
    let room = width - fixed;
    let sum = |is_content: bool, width: &dyn Fn(&Wanted, f32) -> f32| -> f32 {
        let all = columns.iter().zip(&contents).filter(|((_, column), _)| match column.width {
            Width::Fixed(_) => false,
            Width::Content => is_content,
            Width::Share(_) => !is_content,
        });
        all.map(|((_, column), content)| width(content, column.gap)).sum()
    };
    let most_with = |gaps: f32| {
        let needed = sum(true, &|content, gap| content.least + gap * gaps);
        let of_others = sum(false, &|content, gap| content.least + gap * gaps);
        let left = (room - of_others).min(room * MOST_FOR_NUMBERS);
        (needed, if shares > 0.0 { (room * MOST_FOR_CONTENT).max(needed.min(left)) } else { room })
    };
    let (mut gaps, (mut needed, mut most)) = (1.0, most_with(1.0));
    if needed > most {
        gaps = NARROW_GAPS;
        (needed, most) = most_with(gaps);
    }
    // Columns of content get what they want, or so much more than they need at least that all of them fit.
    let wanted = sum(true, &|content, gap| content.natural + gap * gaps);
    let rest = room - wanted.min(most);
    let mut widths = vec![0.0; table.columns.len()];
    for ((i, column), content) in columns.iter().zip(&contents) {
        let (natural, least) = (content.natural + column.gap * gaps, content.least + column.gap * gaps);
        widths[*i] = match column.width {
            Width::Fixed(width) => width,
            Width::Share(share) => rest * share / shares,
            Width::Content if wanted <= most => natural,
            Width::Content if needed >= most => least * most / needed,
            Width::Content => least + (natural - least) * (most - needed) / (wanted - needed),
        };
    }
    (widths, gaps)
}

/// How wide a column would be, and how wide it must be, in points.
struct Wanted {
    natural: f32,
    least: f32,
}

/// Of a column's title, texts and notes.
fn content(
    composer: &Composer<'_>,
    table: &Table,
    column: &TableColumn,
    i: usize,
    titles: &[&str],
    cells: &[Vec<&str>],
) -> Wanted {
    let mut wanted = Wanted { natural: 0.0, least: 0.0 };
    if let Some(title) = titles.get(i).filter(|_| table.header) {
        // It may break wherever a line may.
        let parts = title.split_inclusive([' ', '-', '\n']);
        let longest = parts.map(|part| composer.natural_width(part, &table.title)).fold(0.0, f32::max);
        wanted.natural = composer.natural_width(title, &table.title);
        wanted.least = longest.min(table.title.size * SHORTEST_LINE);
    }
    let mut take = |text: &str, style: &Style| {
        let natural = composer.natural_width(text, style);
        // A number is set smaller, and anything else broken into lines. No rounding may take the number below the
        // smallest size.
        let least = if is_number(text) {
            natural * (SMALLEST / style.size * 1.001).min(1.0)
        } else {
            natural.min(style.size * SHORTEST_LINE)
        };
        wanted.natural = wanted.natural.max(natural);
        wanted.least = wanted.least.max(least);
    };
    let muted = column.style.muted();
    for row in cells {
        row.get(i * 2).into_iter().for_each(|text| take(text, &column.style));
        row.get(i * 2 + 1).into_iter().for_each(|note| take(note, &muted));
    }
    wanted
}

/// Of the font size: a line of text is not made shorter where there is room elsewhere.
const SHORTEST_LINE: f32 = 4.5;
