//! Rows onto pages: a header repeats over a table that goes on, titles stay with what follows.

use super::{Page, Row};

/// The page that rows are set on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paper {
    pub(crate) width: f32,
    /// `None` is as long as needed, up to what a PDF page can be.
    pub(crate) height: Option<f32>,
    /// Top, right, bottom, left.
    pub(crate) margin: [f32; 4],
}

/// No page of a PDF may be longer (ISO 32000-1, annex C).
pub(crate) const LONGEST_PAGE: f32 = 14_400.0;

impl Paper {
    /// Between the left and the right margin.
    pub(crate) fn body_width(&self) -> f32 {
        self.width - self.margin[1] - self.margin[3]
    }
}

/// Sets the rows on as many pages as they need, leaving `footer` free above the bottom margin.
/// `headers` are the rows repeated for each table.
pub(crate) fn paginate(rows: Vec<Row>, headers: &[Vec<Row>], paper: &Paper, footer: f32) -> Vec<Page> {
    let height = paper.height.unwrap_or(LONGEST_PAGE);
    let room = height - paper.margin[0] - paper.margin[2] - footer;
    let mut pages = Pages { paper, room, footer, done: Vec::new(), page: Page::default(), used: 0.0 };
    let mut rows = rows.into_iter();
    while let Some(row) = rows.next() {
        let mut group = vec![row];
        while group.last().is_some_and(|row| row.keep_with_next) {
            let Some(next) = rows.next() else { break };
            group.push(next);
        }
        pages.add(group, headers);
    }
    pages.finish()
}

struct Pages<'a> {
    paper: &'a Paper,
    room: f32,
    footer: f32,
    done: Vec<Page>,
    page: Page,
    used: f32,
}

impl Pages<'_> {
    fn add(&mut self, group: Vec<Row>, headers: &[Vec<Row>]) {
        let needed: f32 = group.iter().map(|row| row.before + row.height).sum();
        if self.used > 0.0 && self.used + needed > self.room {
            self.turn();
            let header = group.first().and_then(|row| headers.get(row.table?));
            header.into_iter().flatten().for_each(|row| self.place(row.clone()));
        }
        for row in group {
            self.fit(row);
        }
    }

    /// Places a row, over several pages where one is not enough.
    fn fit(&mut self, row: Row) {
        let mut rest = Some(row);
        while let Some(row) = rest.take() {
            let before = if self.used > 0.0 { row.before } else { 0.0 };
            let left = self.room - self.used - before;
            if row.height <= left {
                return self.place(row);
            }
            if row.height <= self.room && self.used > 0.0 {
                self.turn();
                return self.place(row);
            }
            let (upper, lower) = row.split(left);
            self.place(upper);
            if lower.is_some() {
                self.turn();
            }
            rest = lower;
        }
    }

    fn place(&mut self, row: Row) {
        if self.used > 0.0 {
            self.used += row.before;
        }
        let height = row.height;
        self.page.place(row, self.paper.margin[3], self.paper.margin[0] + self.used);
        self.used += height;
    }

    fn turn(&mut self) {
        let mut page = std::mem::take(&mut self.page);
        page.width = self.paper.width;
        let needed = self.used + self.footer + self.paper.margin[0] + self.paper.margin[2];
        page.height = self.paper.height.unwrap_or(needed.min(LONGEST_PAGE));
        self.used = 0.0;
        self.done.push(page);
    }

    fn finish(mut self) -> Vec<Page> {
        self.turn();
        self.done
    }
}
