//! A template's blocks into rows.

use std::collections::BTreeSet;

use minijinja::Value;

use super::mark::Area;
use super::wrap::{Line, wrap};
use super::{Color, Mark, Row};
use crate::render::RenderError;
use crate::render::Warning;
use crate::template::{Align, Block, Code, CodeKind, Kind, Program, Style, Template};
use crate::{Language, barcode};

/// Sets blocks with the texts of one receipt, and collects what could not be set as it was.
pub(crate) struct Composer<'a> {
    template: &'a Template,
    language: Language,
    variables: Value,
    pub(super) missing: BTreeSet<char>,
    warnings: Vec<Warning>,
    /// The header rows of each table, to be repeated over pages.
    pub(crate) headers: Vec<Vec<Row>>,
}

impl<'a> Composer<'a> {
    pub(crate) fn new(template: &'a Template, language: Language, variables: Value) -> Self {
        Self {
            template,
            language,
            variables,
            missing: BTreeSet::new(),
            warnings: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// The same with other variables: the footer's know the page.
    pub(crate) fn set_variables(&mut self, variables: Value) {
        self.variables = variables;
    }

    /// All that was replaced or left out.
    pub(crate) fn into_warnings(self) -> Vec<Warning> {
        let mut warnings: Vec<_> = self.missing.into_iter().map(Warning::Character).collect();
        for warning in self.warnings {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        warnings
    }

    /// The rows of some blocks, set to a width.
    pub(crate) fn compose(&mut self, blocks: &[Block], width: f32) -> Result<Vec<Row>, RenderError> {
        let mut rows = Vec::new();
        let mut space = 0.0_f32;
        for block in blocks {
            if let Some(when) = &block.when
                && self.evaluate(when)?.is_empty()
            {
                continue;
            }
            let start = rows.len();
            self.compose_block(block, width, &mut rows)?;
            if let Some(first) = rows.get_mut(start) {
                first.before += space + block.before;
                space = block.after;
                // Of a table, the last row: all of it need not fit on a page.
                let kept = if matches!(block.kind, Kind::Table(_)) { rows.len() - 1 } else { start };
                if block.keep_with_next {
                    rows[kept..].iter_mut().for_each(|row| row.keep_with_next = true);
                }
            }
        }
        Ok(rows)
    }

    fn compose_block(&mut self, block: &Block, width: f32, rows: &mut Vec<Row>) -> Result<(), RenderError> {
        match &block.kind {
            Kind::Text { text, style } => {
                let text = self.evaluate(text)?;
                rows.extend(self.lines(&text, style, width).into_iter().map(|line| {
                    let mut row = Row { height: style.leading(), ..Row::default() };
                    row.marks.push(set(line, style, 0.0, width, 0.0));
                    row
                }));
            }
            Kind::Pairs(pairs) => self.pairs(pairs, width, rows)?,
            Kind::Table(table) => self.table(table, width, rows)?,
            Kind::Columns(columns) => rows.push(self.columns(columns, width)?),
            Kind::Rule { thickness, color } => {
                let area = Area { x: 0.0, y: 0.0, width, height: *thickness };
                rows.push(Row {
                    height: *thickness,
                    marks: vec![Mark::Fill { area, color: *color }],
                    ..Row::default()
                });
            }
            Kind::Space { height } => rows.push(Row { height: *height, ..Row::default() }),
            Kind::Image { image, width: image_width, align } => {
                let height = image_width * self.template.image(*image).aspect();
                let area = Area { x: align.offset(width, *image_width), y: 0.0, width: *image_width, height };
                rows.push(Row { height, marks: vec![Mark::Image { area, image: *image }], ..Row::default() });
            }
            Kind::Code(code) => self.code(code, block.line, width, rows)?,
        }
        Ok(())
    }

    fn code(&mut self, code: &Code, line: usize, width: f32, rows: &mut Vec<Row>) -> Result<(), RenderError> {
        let text = self.evaluate(&code.text)?;
        if text.is_empty() {
            return Ok(());
        }
        let drawn = match code.kind {
            CodeKind::Qr => barcode::qr(&text, code.width),
            CodeKind::Code128 => barcode::code_128(&text, code.width, code.height),
        };
        match drawn {
            Some(bars) => {
                let x = code.align.offset(width, code.width);
                let area = Area { x, y: 0.0, width: code.width, height: code.height };
                rows.push(Row {
                    height: code.height,
                    marks: vec![Mark::Bars { area, bars }],
                    ..Row::default()
                });
            }
            None => self.warnings.push(Warning::Code {
                kind: code.kind.name(),
                line,
                allowed: code.kind.allowed(),
            }),
        }
        Ok(())
    }

    /// A text, wrapped to a width in points.
    pub(super) fn lines(&mut self, text: &str, style: &Style, width: f32) -> Vec<Line> {
        wrap(text, style.weight.face(), units(width, style.size), &mut self.missing)
    }

    pub(crate) fn evaluate(&self, program: &Program) -> Result<String, RenderError> {
        program.render(self.template.texts(self.language), &self.variables)
    }
}

/// Points in thousandths of a font size.
pub(super) fn units(width: f32, size: f32) -> u32 {
    // A hair more than asked: a column as wide as its widest cell must not break that cell.
    (width / size * 1000.0 + 0.5).max(0.0) as u32
}

/// Thousandths of a font size in points.
pub(super) fn points(units: u32, size: f32) -> f32 {
    units as f32 * size / 1000.0
}

/// Places a line of text in the box from `x`, as wide as `width`, whose top is `y`.
pub(super) fn set(line: Line, style: &Style, x: f32, width: f32, y: f32) -> Mark {
    let line_width = points(line.width, style.size);
    Mark::Text {
        x: x + style.align.offset(width, line_width),
        baseline: y + style.baseline(),
        width: line_width,
        weight: style.weight,
        size: style.size,
        color: style.color,
        text: line.text,
    }
}

impl Align {
    /// Where something narrower starts in a box.
    pub(crate) fn offset(self, width: f32, inner: f32) -> f32 {
        match self {
            Self::Left => 0.0,
            Self::Center => (width - inner) / 2.0,
            Self::Right => width - inner,
        }
    }
}

impl Style {
    /// From line to line.
    pub(crate) fn leading(&self) -> f32 {
        self.size * self.line_height
    }

    /// From the top of a line's box: capitals stand in the middle of it.
    pub(crate) fn baseline(&self) -> f32 {
        const CAPITALS: f32 = 0.714;
        (self.leading() + CAPITALS * self.size) / 2.0
    }

    /// The style of notes.
    pub(crate) fn muted(&self) -> Self {
        Self { size: self.size * 0.88, color: Color([0x60; 3]), ..*self }
    }
}
