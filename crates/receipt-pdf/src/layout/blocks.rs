//! A template's blocks into rows.

use std::collections::BTreeSet;

use minijinja::Value;

use super::mark::{ABOVE, Area, BELOW, Ink, SMALLEST, turned};
use super::wrap::{Line, natural_width, wrap};
use super::{Color, Mark, Role, Row, Structure, Tag, Watermark};
use crate::Language;
use crate::barcode::{self, Drawn};
use crate::error::RenderError;
use crate::font::Weight;
use crate::image::Image;
use crate::labels::label;
use crate::render::Warning;
use crate::template::{Align, Block, Code, Kind, Picture, Program, Style, Template};

/// Sets blocks with the texts of one receipt, and collects what could not be set as it was.
pub(crate) struct Composer<'a> {
    template: &'a Template,
    language: Language,
    variables: Value,
    pub(super) missing: BTreeSet<char>,
    /// Whether a character was wider than its place, and so may stand on what is beside it.
    pub(crate) is_narrow: bool,
    warnings: Vec<Warning>,
    /// The images that came with the receipt, numbered after those of the template.
    pub(crate) images: Vec<Image>,
    /// The header rows of each table, to be repeated over pages.
    pub(crate) headers: Vec<Vec<Row>>,
    /// What the marks are; `None` while what stands on every page is set, which a screen reader passes over.
    pub(crate) structure: Option<Structure>,
}

impl<'a> Composer<'a> {
    pub(crate) fn new(template: &'a Template, language: Language, variables: Value) -> Self {
        Self {
            template,
            language,
            variables,
            missing: BTreeSet::new(),
            is_narrow: false,
            warnings: Vec::new(),
            images: Vec::new(),
            headers: Vec::new(),
            structure: Some(Structure::default()),
        }
    }

    /// A new part of the document.
    pub(super) fn tag(&mut self, parent: Option<Tag>, role: Role) -> Option<Tag> {
        self.structure.as_mut().map(|structure| structure.add(parent, role))
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
                if block.keep_together {
                    let last = rows.len() - 1;
                    rows[start..last].iter_mut().for_each(|row| row.keep_with_next = true);
                }
                if block.keep_with_next {
                    rows[kept..].iter_mut().for_each(|row| row.keep_with_next = true);
                }
            }
        }
        Ok(rows)
    }

    fn compose_block(&mut self, block: &Block, width: f32, rows: &mut Vec<Row>) -> Result<(), RenderError> {
        match &block.kind {
            Kind::Text { text, style, is_heading } => {
                let text = self.evaluate(text)?;
                let lines = self.lines(&text, style, width);
                let tag = self.structure.as_mut().filter(|_| !lines.is_empty()).map(|structure| {
                    if *is_heading {
                        structure.add_heading(None)
                    } else {
                        structure.add(None, Role::Paragraph)
                    }
                });
                rows.extend(
                    lines
                        .into_iter()
                        .map(|line| Row::of(style.leading(), vec![set(line, style, tag, 0.0, width, 0.0)])),
                );
            }
            Kind::Pairs(pairs) => self.pairs(pairs, width, rows)?,
            Kind::Table(table) => self.table(table, width, rows)?,
            Kind::Columns(columns) => rows.push(self.columns(columns, width)?),
            Kind::Rule { thickness, color } => {
                let area = Area { width, height: *thickness, ..Area::default() };
                rows.push(Row::of(*thickness, vec![Mark::rule(area, *color)]));
            }
            Kind::Space { height } => rows.push(Row::of(*height, Vec::new())),
            Kind::Image { picture, width: own, align, alt } => {
                if let Some((image, aspect)) = self.picture(picture, *own, block.line)? {
                    let height = own * aspect;
                    let area = Area { x: align.offset(width, *own), y: 0.0, width: *own, height };
                    let alt = self.evaluate(alt)?;
                    // What says nothing, is for decoration.
                    let tag = if alt.trim().is_empty() { None } else { self.tag(None, Role::Figure { alt }) };
                    rows.push(Row::of(height, vec![Mark { tag, ink: Ink::Image { area, image } }]));
                }
            }
            Kind::Code(code) => self.code(code, block.line, width, rows)?,
        }
        Ok(())
    }

    /// The number of an image, and its height divided by its width; none where its data is empty or no image.
    fn picture(
        &mut self,
        picture: &Picture,
        width: f32,
        line: usize,
    ) -> Result<Option<(usize, f32)>, RenderError> {
        let data = match picture {
            Picture::File(image) => return Ok(Some((*image, self.template.image(*image).aspect()))),
            Picture::Data(data) => self.evaluate(data)?,
        };
        if data.trim().is_empty() {
            return Ok(None);
        }
        let Some(image) = Image::from_uri(&data, width) else {
            self.warnings.push(Warning::Image { line });
            return Ok(None);
        };
        let aspect = image.aspect();
        self.images.push(image);
        Ok(Some((self.template.images().len() + self.images.len() - 1, aspect)))
    }

    fn code(&mut self, code: &Code, line: usize, width: f32, rows: &mut Vec<Row>) -> Result<(), RenderError> {
        let text = self.evaluate(&code.text)?;
        if text.is_empty() {
            return Ok(());
        }
        match barcode::draw(code, &text) {
            Some(Drawn { width: own, height, bars }) => {
                let area = Area { x: code.align.offset(width, own), y: 0.0, width: own, height };
                let kind = label(code.kind.label(), self.language).unwrap_or_default();
                let alt = format!("{kind}: {}", text.replace('\u{1f}', " ").trim());
                let tag = self.tag(None, Role::Figure { alt });
                rows.push(Row::of(height, vec![Mark { tag, ink: Ink::Bars { area, bars } }]));
            }
            None => self.warnings.push(Warning::Code {
                kind: code.kind.name(),
                line,
                allowed: code.kind.allowed(),
            }),
        }
        Ok(())
    }

    /// A text across a page of some height, as large as there is room between the margins; none where it is empty, or
    /// too long to be read.
    pub(crate) fn watermark(
        &mut self,
        text: &Program,
        angle: f32,
        height: f32,
    ) -> Result<Option<Watermark>, RenderError> {
        const LARGEST: f32 = 140.0;
        let text = self.evaluate(text)?.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return Ok(None);
        }
        let paper = *self.template.paper();
        let style = Style {
            weight: Weight::Bold,
            size: LARGEST,
            color: Color([0xea; 3]),
            align: Align::Center,
            line_height: 1.0,
        };
        // Margins that leave nothing of a short roll are for its text alone.
        let room = (height - paper.margin[0] - paper.margin[2]).max(height / 2.0);
        let needed = turned([self.natural_width(&text, &style), LARGEST * (ABOVE + BELOW)], angle);
        let size = LARGEST * (paper.body_width() / needed[0]).min(room / needed[1]).min(1.0);
        if size < SMALLEST {
            self.warnings.push(Warning::Watermark);
            return Ok(None);
        }
        let style = Style { size, ..style };
        let Some(line) = self.lines(&text, &style, f32::MAX).into_iter().next() else { return Ok(None) };
        let mut mark = set(line, &style, None, paper.margin[3], paper.body_width(), 0.0);
        let Area { y, height: own, .. } = mark.area();
        mark.shift(0.0, (height - own) / 2.0 - y);
        Ok(Some(Watermark { mark, angle }))
    }

    /// A text, wrapped to a width in points.
    pub(super) fn lines(&mut self, text: &str, style: &Style, width: f32) -> Vec<Line> {
        let limit = units(width, style.size);
        let lines = wrap(text, self.template.fonts(), style.weight, limit, &mut self.missing);
        self.is_narrow |= lines.iter().any(|line| line.width > limit);
        lines
    }

    /// The width of a text's widest line that is not wrapped, in points.
    pub(super) fn natural_width(&self, text: &str, style: &Style) -> f32 {
        points(natural_width(text, self.template.fonts(), style.weight), style.size)
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
pub(super) fn set(line: Line, style: &Style, tag: Option<Tag>, x: f32, width: f32, y: f32) -> Mark {
    let line_width = points(line.width, style.size);
    let ink = Ink::Text {
        x: x + style.align.offset(width, line_width),
        baseline: y + style.baseline(),
        width: line_width,
        face: line.face,
        size: style.size,
        color: style.color,
        text: line.text,
        runs: line.runs,
    };
    Mark { tag, ink }
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
