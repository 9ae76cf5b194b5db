//! Blocks of every type.

use super::load::Loader;
use super::model::{
    Align, Block, Code, CodeKind, Column, Kind, Pair, Pairs, Picture, Style, Table, TableColumn, Width,
};
use super::read_style::{PLAIN, ReadStyle as _, millimetres};
use super::texts::is_program;
use config::{At, TomlReader};

use crate::barcode;
use crate::data::LISTS;
use crate::font::Weight;
use crate::layout::Color;
use crate::swiss_qr;

const TYPES: &str =
    "heading, text, pairs, totals, table, columns, rule, space, image, qr, barcode, ean13, swiss-qr";

impl Loader<'_, '_> {
    /// The blocks of a list, with the width they are set to in points.
    pub(super) fn blocks(&mut self, readers: Vec<TomlReader<'_, '_>>, width: f32) -> Vec<Block> {
        readers.into_iter().filter_map(|reader| self.block(reader, width)).collect()
    }

    fn block(&mut self, mut reader: TomlReader<'_, '_>, width: f32) -> Option<Block> {
        let name = reader.required_text("type")?;
        reader.rename(format!("a block of type `{}`", name.value));
        let line = reader.line();
        let when = reader.text("when").map(|when| self.condition(when));
        let before = reader.length("space-before").unwrap_or(0.0);
        let after = reader.length("space-after").unwrap_or(0.0);
        let keep_with_next = reader.flag("keep-with-next").unwrap_or(name.value == "heading");
        let keep_together = reader.flag("keep-together").unwrap_or(false);
        let base = self.base();
        let kind = match name.value {
            "heading" => {
                self.text_block(&reader, Style { weight: Weight::Bold, size: base.size * 1.8, ..base }, true)
            }
            "text" => self.text_block(&reader, base, false),
            "pairs" => Some(self.pairs(&reader, width, false)),
            "totals" => Some(self.pairs(&reader, width, true)),
            "table" => self.table(&reader, width),
            "columns" => Some(self.columns(&reader, width)),
            "rule" => Some(Kind::Rule {
                thickness: reader.length("thickness").unwrap_or(0.6),
                color: reader.color("color").unwrap_or(Color::BLACK),
            }),
            "space" => Some(Kind::Space { height: reader.length("height").unwrap_or(base.size) }),
            "image" => self.image(&reader, width),
            "qr" => self.code(&reader, CodeKind::Qr, width),
            "barcode" => {
                let fallback = reader.text("fallback").map(|fallback| match fallback.value {
                    "qr" => true,
                    "none" => false,
                    _ => reader.refuse("fallback", fallback.line, "\"qr\" or \"none\"").unwrap_or(true),
                });
                self.code(&reader, CodeKind::Code128 { fallback: fallback.unwrap_or(true) }, width)
            }
            "ean13" => self.code(&reader, CodeKind::Ean13, width),
            "swiss-qr" => self.swiss_qr(&reader, width),
            other => {
                reader.report().add(name.line, format!("unknown block type `{other}`: there are {TYPES}"));
                return None;
            }
        };
        reader.finish();
        Some(Block { line, when, before, after, keep_with_next, keep_together, kind: kind? })
    }

    fn text_block(&mut self, reader: &TomlReader<'_, '_>, from: Style, is_heading: bool) -> Option<Kind> {
        let style = reader.style(from);
        let text = reader.required_text("text")?;
        Some(Kind::Text { text: self.program(vec![text], &[]), style, is_heading })
    }

    fn pairs(&mut self, reader: &TomlReader<'_, '_>, width: f32, spread: bool) -> Kind {
        let base = reader.style(self.base());
        let own = reader.length("width");
        self.check_width(reader, "width", own, width);
        let gap = reader.length("gap").unwrap_or(base.size);
        let label_color = reader.color("label-color");
        let mut rows = Vec::new();
        let mut texts = Vec::new();
        for row in reader.tables("rows", "a row") {
            let value = row.style(Style { align: if spread { Align::Right } else { Align::Left }, ..base });
            let strong = value.weight == Weight::Bold && spread;
            let label = Style {
                align: Align::Left,
                weight: if strong { Weight::Bold } else { Weight::Regular },
                color: if strong { value.color } else { label_color.unwrap_or(value.color) },
                ..value
            };
            let before = row.length("space-before").unwrap_or(0.0);
            if let (Some(label_text), Some(value_text)) =
                (row.required_text("label"), row.required_text("value"))
            {
                texts.push(label_text);
                texts.push(value_text);
                rows.push(Pair { label, value, spread, before });
            }
            row.finish();
        }
        if rows.is_empty() {
            reader
                .report()
                .add(reader.line(), "a block of pairs or totals needs `rows`, each with `label` and `value`");
        }
        let align = if spread { Align::Right } else { Align::Left };
        Kind::Pairs(Pairs { rows, texts: self.records(texts, 2, reader.line()), width: own, align, gap })
    }

    fn table(&mut self, reader: &TomlReader<'_, '_>, width: f32) -> Option<Kind> {
        let base = reader.style(self.base());
        let header = reader.flag("header").unwrap_or(true);
        let padding = reader.length("padding").unwrap_or(base.size * 0.3);
        let row_rule = reader.color("row-rule");
        let title = Style {
            weight: if reader.flag("title-bold").unwrap_or(false) { Weight::Bold } else { Weight::Regular },
            size: reader.size("title-size").unwrap_or(base.size * 0.88),
            color: reader.color("title-color").unwrap_or(base.color),
            ..base
        };
        let each = reader.required_text("each");
        let list = each.as_ref().and_then(|each| {
            let list = LISTS.iter().find(|(name, _)| *name == each.value);
            if list.is_none() {
                reader.refuse::<()>("each", each.line, "\"items\", \"vat\" or \"payments\"");
            }
            list
        });
        let mut columns = Vec::new();
        let mut titles = Vec::new();
        let mut texts = Vec::new();
        let readers = reader.tables("columns", "a column");
        let last = readers.len().saturating_sub(1);
        for (i, column) in readers.into_iter().enumerate() {
            let style = column.style(base);
            let own = column.width("width").unwrap_or(Width::Share(1.0));
            let gap = column.length("gap").unwrap_or(if i == last && style.align == Align::Left {
                0.0
            } else {
                base.size * 1.6
            });
            let gap = if i == 0 && style.align == Align::Right { 0.0 } else { gap };
            let hide_empty = column.flag("hide-empty").unwrap_or(false);
            let title = column.text("title");
            let note = column.text("note");
            if let Some(text) = column.required_text("text") {
                let line = text.line;
                titles.push(title.unwrap_or_else(|| Self::nothing(line)));
                texts.push(text);
                texts.push(note.unwrap_or_else(|| Self::nothing(line)));
                columns.push(TableColumn { width: own, gap, style, hide_empty });
            }
            column.finish();
        }
        if columns.is_empty() {
            reader.report().add(reader.line(), "a table needs `columns`, each with `text`");
        }
        let fixed = columns.iter().filter_map(|column| column.width.fixed()).sum();
        self.check_columns(reader, fixed, columns.iter().any(|c| c.width.fixed().is_none()), width);
        let (name, members) = list?;
        let titles = self.program(titles, &[]);
        let texts = self.each(name, members, texts, reader.line());
        Some(Kind::Table(Table { columns, header, titles, texts, title, padding, row_rule }))
    }

    fn columns(&mut self, reader: &TomlReader<'_, '_>, width: f32) -> Kind {
        let gap = reader.length("gap").unwrap_or(12.0);
        let readers = reader.tables("columns", "a column");
        let last = readers.len().saturating_sub(1);
        let widths: Vec<Width> = readers
            .iter()
            .map(|column| match column.width("width") {
                Some(Width::Content) => {
                    let wanted = "\"*\" or \"2*\" (a share of the rest), or a length such as \"20mm\"";
                    column.refuse("width", column.line_of("width"), wanted).unwrap_or(Width::Share(1.0))
                }
                width => width.unwrap_or(Width::Share(1.0)),
            })
            .collect();
        let fixed: f32 = widths.iter().filter_map(|width| width.fixed()).sum();
        let shares: f32 = widths.iter().map(|width| width.share()).sum();
        self.check_columns(reader, fixed, shares > 0.0, width);
        if readers.is_empty() {
            reader
                .report()
                .add(reader.line(), "a block of type `columns` needs `columns`, each with `blocks`");
        }
        let columns = readers.into_iter().zip(widths).enumerate().map(|(i, (column, own))| {
            let gap = if i == last { 0.0 } else { gap };
            let points = own.fixed().unwrap_or((width - fixed).max(0.0) * own.share() / shares.max(1.0));
            let blocks = self.blocks(column.tables("blocks", "a block"), (points - gap).max(0.0));
            column.finish();
            Column { width: own, gap, blocks }
        });
        Kind::Columns(columns.collect())
    }

    fn image(&mut self, reader: &TomlReader<'_, '_>, width: f32) -> Option<Kind> {
        let own = reader.length("width").unwrap_or(width.min(100.0));
        self.check_width(reader, "width", Some(own), width);
        let align = reader.align("align").unwrap_or(Align::Left);
        let line = reader.line();
        let alt = reader.text("alt").unwrap_or(At { value: "{{ store.name or tenant.name }}", line });
        let alt = self.program(vec![alt], &[]);
        let picture = match (reader.text("file"), reader.text("data")) {
            (Some(file), None) => Picture::File(self.load_image(&file, own)?),
            (None, Some(data)) => Picture::Data(self.program(vec![data], &[])),
            _ => {
                reader.complain("needs either `file`, a path, or `data`, a text with a data URI");
                return None;
            }
        };
        Some(Kind::Image { picture, width: own, align, alt })
    }

    fn code(&mut self, reader: &TomlReader<'_, '_>, kind: CodeKind, width: f32) -> Option<Kind> {
        let (own, height) = match kind {
            CodeKind::Qr | CodeKind::SwissQr => (68.0, None),
            CodeKind::Code128 { .. } => (140.0, Some(28.0)),
            // Nominal size: modules of 0.33 mm.
            CodeKind::Ean13 => (105.7, Some(64.8)),
        };
        let own = reader.length("width").unwrap_or(own);
        let height = height.map_or(own, |height| reader.length("height").unwrap_or(height));
        self.check_width(reader, "width", Some(own), width);
        let align = reader.align("align").unwrap_or(Align::Left);
        let text = reader.required_text("text")?;
        let program = self.program(vec![text.clone()], &[]);
        let code = Code { kind, text: program, width: own, height, align };
        if !text.value.is_empty() && !is_program(text.value) && barcode::draw(&code, text.value).is_none() {
            let message =
                format!("no {} can be made of the text: it can hold {}", kind.name(), kind.allowed());
            reader.report().add(text.line, message);
        }
        Some(Kind::Code(code))
    }

    /// The code of a QR-bill. Its size is the standard's.
    fn swiss_qr(&mut self, reader: &TomlReader<'_, '_>, width: f32) -> Option<Kind> {
        let side = swiss_qr::SIDE * 72.0 / 25.4;
        if width > 1.0 && side > width + 0.01 {
            let message =
                format!("a Swiss QR code is 56 mm wide, more than the {} there are", millimetres(width));
            reader.report().add(reader.line(), message);
        }
        let align = reader.align("align").unwrap_or(Align::Left);
        let account = reader.required_text("account");
        let creditor = reader.table("creditor", "the creditor");
        if creditor.is_none() {
            reader.complain("needs the key `creditor`, a table with name, postal-code, town and country");
        }
        let line = reader.line();
        let account = account.unwrap_or_else(|| Self::nothing(line));
        if !account.value.is_empty()
            && !is_program(account.value)
            && !swiss_qr::is_account(&account.value.replace(' ', ""))
        {
            let wanted = "an IBAN of Switzerland or Liechtenstein with the right check digits";
            reader.refuse::<()>("account", account.line, wanted);
        }
        let mut texts = vec![account];
        texts.extend(Self::address(creditor, line));
        texts.push(reader.text("amount").unwrap_or_else(|| Self::nothing(line)));
        texts.push(reader.text("currency").unwrap_or(At { value: "{{ receipt.currency }}", line }));
        texts.extend(Self::address(reader.table("debtor", "the debtor"), line));
        texts.extend(
            ["reference", "message"].map(|key| reader.text(key).unwrap_or_else(|| Self::nothing(line))),
        );
        debug_assert_eq!(texts.len(), swiss_qr::FIELDS);
        let text = self.program(texts, &[]);
        Some(Kind::Code(Code { kind: CodeKind::SwissQr, text, width: side, height: side, align }))
    }

    fn address<'a>(reader: Option<TomlReader<'a, '_>>, line: usize) -> [At<&'a str>; 6] {
        const KEYS: [&str; 6] = ["name", "street", "number", "postal-code", "town", "country"];
        let texts = KEYS.map(|key| {
            reader.as_ref().and_then(|reader| reader.text(key)).unwrap_or_else(|| Self::nothing(line))
        });
        reader.into_iter().for_each(TomlReader::finish);
        texts
    }

    fn check_width(&self, reader: &TomlReader<'_, '_>, key: &'static str, own: Option<f32>, width: f32) {
        // Without any room the columns around are reported already.
        if width > 1.0 && own.is_some_and(|own| own > width + 0.01) {
            let message = format!("`{key}` is wider than the {} there are", millimetres(width));
            reader.report().add(reader.line_of(key), message);
        }
    }

    fn check_columns(&self, reader: &TomlReader<'_, '_>, fixed: f32, others: bool, width: f32) {
        if fixed > width + 0.01 || (others && fixed > width * 0.95) {
            let rest = if others { ", and columns without a length need room too" } else { "" };
            let message = format!(
                "the columns do not fit: their lengths make {} of the {} there are{rest}",
                millimetres(fixed),
                millimetres(width)
            );
            reader.report().add(reader.line_of("columns"), message);
        }
    }

    /// The style that the template's page sets.
    fn base(&self) -> Style {
        Style { size: self.font_size, line_height: self.line_height, ..PLAIN }
    }
}
