//! Rows onto pages: a header repeats over a table that goes on, what belongs together stays together.

use super::mark::height;
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

/// None may be shorter: a roll on which nothing is printed.
const SHORTEST_PAGE: f32 = 3.0;

/// The header and the footer take no more than this of a page: they stand on each other or on the rows then.
pub(crate) const MOST_FOR_FRAME: f32 = 0.75;

impl Paper {
    /// Between the left and the right margin.
    pub(crate) fn body_width(&self) -> f32 {
        self.width - self.margin[1] - self.margin[3]
    }

    /// The page, or the longest that there may be.
    pub(crate) fn most_height(&self) -> f32 {
        self.height.unwrap_or(LONGEST_PAGE)
    }
}

/// Sets the rows on as many pages as they need, leaving `header` free below the top margin and `footer` above the
/// bottom margin. `headers` are the rows repeated for each table.
pub(crate) fn paginate(
    rows: Vec<Row>,
    headers: &[Vec<Row>],
    paper: &Paper,
    [header, footer]: [f32; 2],
) -> Vec<Page> {
    let room = paper.most_height() - paper.margin[0] - paper.margin[2] - header - footer;
    let frame = header + footer;
    let top = paper.margin[0] + header;
    let mut pages = Pages {
        paper,
        headers,
        room,
        top,
        frame,
        done: Vec::new(),
        page: Page::default(),
        used: 0.0,
        is_fresh: true,
    };
    let mut rows = rows.into_iter();
    while let Some(row) = rows.next() {
        let mut group = vec![row];
        while group.last().is_some_and(|row| row.keep_with_next) {
            let Some(next) = rows.next() else { break };
            group.push(next);
        }
        pages.add(group);
    }
    pages.finish()
}

struct Pages<'a> {
    paper: &'a Paper,
    headers: &'a [Vec<Row>],
    room: f32,
    /// Where the rows of a page begin.
    top: f32,
    /// What the header and the footer take of each page.
    frame: f32,
    done: Vec<Page>,
    page: Page,
    used: f32,
    /// Nothing but repeated headers is on the page.
    is_fresh: bool,
}

impl Pages<'_> {
    /// Places rows that belong together: on one page where one has room for them.
    fn add(&mut self, group: Vec<Row>) {
        let all = self.before(&group[0]) + height(&group);
        if self.used + all <= self.room {
            group.into_iter().for_each(|row| self.place(row));
            return;
        }
        let repeated = group[0].table.and_then(|table| self.headers.get(table));
        let header = repeated.map_or(0.0, |header| height(header));
        if header + height(&group) <= self.room {
            self.turn_before(&group[0]);
            group.into_iter().for_each(|row| self.place(row));
            return;
        }
        // More than a page: each row stays with the beginning of the next, and the last ones with the end of what
        // is before them.
        let mut rows = group.into_iter().peekable();
        while let Some(row) = rows.next() {
            let next = rows.peek().map_or(0.0, |next| next.before + next.least());
            let follows: f32 = rows.clone().map(|row| row.before + row.height).sum();
            if !self.is_fresh && self.used + self.before(&row) + row.least() + next > self.room {
                self.turn_before(&row);
            }
            self.fit(row, if follows < self.room / 2.0 { follows } else { 0.0 });
        }
    }

    /// Places a row, over several pages where one is not enough; `follows` is the height of what its end stays with.
    fn fit(&mut self, row: Row, follows: f32) {
        let mut rest = Some(row);
        while let Some(row) = rest.take() {
            let left = self.room - self.used - self.before(&row);
            if row.height + follows <= left {
                return self.place(row);
            }
            // Where all of it fits, but not what follows, some of it goes on with that.
            let most = if row.height <= left { row.height - 0.01 } else { left };
            let is_fresh = self.is_fresh;
            let may_split = is_fresh || row.least() < row.height || row.height > self.room;
            let (row, lower) = if may_split { row.split(most, self.room, self.headers) } else { (row, None) };
            match lower {
                Some(lower) => {
                    self.place(row);
                    self.turn();
                    rest = Some(lower);
                }
                None if is_fresh => return self.place(row),
                None => {
                    self.turn_before(&row);
                    rest = Some(row);
                }
            }
        }
    }

    fn before(&self, row: &Row) -> f32 {
        if self.used > 0.0 { row.before } else { 0.0 }
    }

    fn place(&mut self, row: Row) {
        self.used += self.before(&row);
        let height = row.height;
        self.page.place(row, self.paper.margin[3], self.top + self.used);
        self.used += height;
        self.is_fresh = false;
    }

    /// A new page, under the header of the table that the row goes on with.
    fn turn_before(&mut self, row: &Row) {
        self.turn();
        let headers = self.headers;
        for row in row.table.and_then(|table| headers.get(table)).into_iter().flatten() {
            self.place(row.clone().into_artifact());
        }
        self.is_fresh = true;
    }

    fn turn(&mut self) {
        let mut page = std::mem::take(&mut self.page);
        page.width = self.paper.width;
        let needed = self.used + self.frame + self.paper.margin[0] + self.paper.margin[2];
        page.height = self.paper.height.unwrap_or(needed.clamp(SHORTEST_PAGE, LONGEST_PAGE));
        (self.used, self.is_fresh) = (0.0, true);
        self.done.push(page);
    }

    fn finish(mut self) -> Vec<Page> {
        self.turn();
        self.done
    }
}
