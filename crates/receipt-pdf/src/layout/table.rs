//! Tables: columns as wide as their content or sharing the rest, a header that is repeated.

use super::blocks::{Composer, points};
use super::columns::stack;
use super::mark::Area;
use super::{Mark, Row};
use crate::error::RenderError;
use crate::template::{Align, Table, TableColumn, Width};

/// Columns of content may take this much of a table in which others share the rest.
const MOST_FOR_CONTENT: f32 = 0.72;

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
        let widths = widths(table, &titles, &cells, width);

        let first = rows.len();
        let mut index = None;
        if table.header {
            index = Some(self.headers.len());
            let header = self.header(table, &titles, &widths, width);
            self.headers.push(header.clone());
            rows.extend(header);
        }
        for (i, row) in cells.iter().enumerate() {
            let mut marks = Vec::with_capacity(table.columns.len() * 2);
            let mut bottom = table.padding;
            let mut x = 0.0;
            for ((i, column), own) in table.columns.iter().enumerate().zip(&widths) {
                let inner = own - column.gap;
                let at = x + column.align_gap();
                let text = row.get(i * 2).copied().unwrap_or_default();
                let note = row.get(i * 2 + 1).copied().unwrap_or_default();
                if *own > 0.0 {
                    let (lines, style) = self.cell(text, &column.style, inner);
                    let drop = table.padding + column.style.baseline() - style.baseline();
                    let mut y = stack(&mut marks, lines, &style, at, inner, drop);
                    if !note.is_empty() {
                        let muted = column.style.muted();
                        let lines = self.lines(note, &muted, inner);
                        y = stack(&mut marks, lines, &muted, at, inner, y);
                    }
                    bottom = bottom.max(y);
                }
                x += own;
            }
            let mut row = Row { height: bottom + table.padding, marks, table: index, ..Row::default() };
            if let Some(color) = table.row_rule.filter(|_| i + 1 < cells.len()) {
                let area = Area { x: 0.0, y: row.height, width, height: RULE };
                row.marks.push(Mark::Fill { area, color });
                row.height += RULE;
            }
            rows.push(row);
        }
        // The header stays with the first row below it.
        let body = rows.len() - cells.len();
        rows[first..body].iter_mut().for_each(|row| row.keep_with_next = true);
        Ok(())
    }

    fn header(&mut self, table: &Table, titles: &[&str], widths: &[f32], width: f32) -> Vec<Row> {
        let mut row = Row::default();
        let mut x = 0.0;
        for ((column, own), title) in table.columns.iter().zip(widths).zip(titles) {
            if *own > 0.0 {
                let style = crate::template::Style { align: column.style.align, ..table.title };
                let (lines, style) = self.cell(title, &style, own - column.gap);
                let y = stack(&mut row.marks, lines, &style, x + column.align_gap(), own - column.gap, 0.0);
                row.height = row.height.max(y);
            }
            x += own;
        }
        row.height += table.padding;
        let area = Area { x: 0.0, y: row.height, width, height: RULE * 1.5 };
        row.marks.push(Mark::Fill { area, color: table.title.color });
        row.height += RULE * 1.5;
        vec![row]
    }
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

fn widths(table: &Table, titles: &[&str], cells: &[Vec<&str>], width: f32) -> Vec<f32> {
    let is_empty =
        |i: usize| cells.iter().all(|row| row.iter().skip(i * 2).take(2).all(|text| text.is_empty()));
    let mut widths: Vec<f32> = table
        .columns
        .iter()
        .enumerate()
        .map(|(i, column)| match column.width {
            _ if column.hide_empty && is_empty(i) => 0.0,
            Width::Fixed(width) => width,
            Width::Share(_) => 0.0,
            Width::Content => content(table, column, i, titles, cells) + column.gap,
        })
        .collect();
    let share_of = |i: usize| {
        let column = &table.columns[i];
        if column.hide_empty && is_empty(i) { 0.0 } else { column.width.share() }
    };
    let shares: f32 = (0..table.columns.len()).map(share_of).sum();
    let fixed: f32 = table.columns.iter().filter_map(|column| column.width.fixed()).sum();
    let used: f32 = widths.iter().sum::<f32>() - fixed;
    let most = (width - fixed) * if shares > 0.0 { MOST_FOR_CONTENT } else { 1.0 };
    if used > most {
        for (own, column) in widths.iter_mut().zip(&table.columns) {
            if matches!(column.width, Width::Content) {
                *own *= most / used;
            }
        }
    }
    let rest = width - widths.iter().sum::<f32>();
    for (i, own) in widths.iter_mut().enumerate() {
        if share_of(i) > 0.0 {
            *own = rest * share_of(i) / shares;
        }
    }
    widths
}

/// The widest of a column's title, texts and notes, in points.
fn content(table: &Table, column: &TableColumn, i: usize, titles: &[&str], cells: &[Vec<&str>]) -> f32 {
    let natural = |text: &str, style: &crate::template::Style| {
        text.split('\n').map(|line| points(style.weight.face().width(line), style.size)).fold(0.0, f32::max)
    };
    let muted = column.style.muted();
    let title =
        if table.header { titles.get(i).map_or(0.0, |title| natural(title, &table.title)) } else { 0.0 };
    cells.iter().fold(title, |widest, row| {
        let text = row.get(i * 2).map_or(0.0, |text| natural(text, &column.style));
        let note = row.get(i * 2 + 1).map_or(0.0, |note| natural(note, &muted));
        widest.max(text).max(note)
    })
}
