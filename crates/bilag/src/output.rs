//! What people and scripts read: lines, tables, and errors with their exit code.
//!
//! Everything that a command prints goes through here, and what others wrote in it through [`untrusted_text`]:
//! nothing in a voucher number or an error can break a line, forge one, or reach the terminal.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Display};
use std::io::{self, ErrorKind, Write};
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use amqp::{BoxError, chain};
use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::{CellAlignment, Table, presets};
use consumer_render::TemplateError;
use omnium::Environment;
use terminal_size::terminal_size_of;
use textwrap::{Options, WordSplitter, wrap};

/// A command that failed: one line that says what, why, and so what to do.
#[derive(Clone, Debug)]
pub struct Failed {
    text: String,
    exit: u8,
}

impl Failed {
    /// Something did not work: exit code 1.
    pub fn at(what: impl fmt::Display, error: impl Into<BoxError>) -> Self {
        Self { text: format!("{}: {}", untrusted_text::line(&what.to_string()), describe(error)), exit: 1 }
    }

    /// Something did not work, and the error says it all: exit code 1.
    pub fn plainly(error: impl Into<BoxError>) -> Self {
        Self { text: describe(error), exit: 1 }
    }

    /// A setting or an argument is wrong: exit code 2.
    pub fn used_wrongly(what: &str, error: impl Into<BoxError>) -> Self {
        Self { text: format!("{}: {}", untrusted_text::line(what), describe(error)), exit: 2 }
    }

    /// A setting or an argument is wrong, and the error says it all: exit code 2.
    pub fn plainly_used_wrongly(error: impl Into<BoxError>) -> Self {
        Self { text: describe(error), exit: 2 }
    }

    /// Nothing is wrong as far as it can be known, and not all of it can: exit code 3.
    pub fn inconclusive(error: impl Into<BoxError>) -> Self {
        Self { text: describe(error), exit: 3 }
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        self.exit
    }
}

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An error with its sources, on one line; the mistakes of a template, on a line each.
fn describe(error: impl Into<BoxError>) -> String {
    let error = error.into();
    let text = chain(error.as_ref());
    match is_list(error.as_ref()) {
        true => untrusted_text::lines(&text).into_owned(),
        false => untrusted_text::line(&text).into_owned(),
    }
}

fn is_list(error: &(dyn Error + 'static)) -> bool {
    error.is::<TemplateError>() || error.source().is_some_and(is_list)
}

/// Prints a failure on standard error.
pub fn report(failed: &Failed) -> ExitCode {
    // A failure to write cannot be reported either.
    let _ = writeln!(io::stderr().lock(), "error: {}", failed.text);
    ExitCode::from(failed.exit)
}

/// Prints a line on standard output, after as many blank ones as the text begins with line breaks. That
/// nobody reads on, as after `… | head`, is no failure, and must not keep a command from its end: the rest
/// goes nowhere.
pub fn say(line: impl Display) {
    let text = line.to_string();
    let line = text.trim_start_matches('\n');
    let blank = &text[..text.len() - line.len()];
    written(writeln!(io::stdout().lock(), "{blank}{}", untrusted_text::line(line)));
}

/// Prints a text of several lines on standard output.
pub fn say_lines(text: &str) {
    written(writeln!(io::stdout().lock(), "{}", untrusted_text::lines(text)));
}

/// Prints bytes on standard output, as [`say`] does lines.
pub fn say_bytes(bytes: &[u8]) {
    let mut output = io::stdout().lock();
    written(output.write_all(bytes).and_then(|()| output.flush()));
}

/// Prints a line on standard error.
pub fn tell(line: impl Display) {
    // A failure to write cannot be reported either.
    let _ = writeln!(io::stderr().lock(), "{}", untrusted_text::line(&line.to_string()));
}

/// Prints a panic on one line; where it came from below it, where `RUST_BACKTRACE` asks for that.
pub fn panicked(panic: &PanicHookInfo<'_>) {
    tell(panic);
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        let _ = writeln!(io::stderr().lock(), "{trace}");
    }
}

/// What cannot be written to a full disk would be missing from a file that looks whole.
fn written(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != ErrorKind::BrokenPipe
    {
        tell(format_args!("error: standard output cannot be written: {error}"));
        std::process::exit(1);
    }
}

/// A column's heading and alignment.
pub enum Column {
    /// Texts.
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

/// Says above a listing that receipts go to a test environment of Omnium, where `OMNIUM_BASE_URL` says so.
pub fn test_header() {
    let url = std::env::var("OMNIUM_BASE_URL").unwrap_or_default();
    if let Some(environment) = Environment::of(&url) {
        say(format_args!("{}: receipts go to {url}", environment.name()));
        say("");
    }
}

/// Prints rows under headings.
pub fn table(columns: &[Column], rows: &[Vec<String>]) {
    table_lines(columns, rows).iter().for_each(say);
}

/// Prints rows, each with a detail on a line of its own, which is longer than the rest of the row's line.
pub fn table_with_details<'a>(
    columns: &[Column],
    rows: &[Vec<String>],
    details: impl Iterator<Item = &'a str>,
) {
    let lines = table_lines(columns, rows);
    let width = terminal_width().unwrap_or(100).saturating_sub(4).max(40);
    say(&lines[0]);
    for (line, detail) in lines[1..].iter().zip(details) {
        say(line);
        say(format_args!("    {}", one_line(detail, width)));
    }
}

/// Headings and rows, one line each. Cells are escaped before their width is taken.
fn table_lines(columns: &[Column], rows: &[Vec<String>]) -> Vec<String> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(columns.iter().map(|(Column::Left(name) | Column::Right(name))| name.to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| untrusted_text::line(cell).into_owned()));
    }
    for (drawn, column) in table.column_iter_mut().zip(columns) {
        drawn.set_padding((0, 2));
        if let Column::Right(_) = column {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Columns of the names before values.
const NAMES: usize = 14;

/// Prints a name and a value, wrapped at a terminal.
pub fn field(name: &str, value: impl Display) {
    let value = value.to_string();
    let value = untrusted_text::line(&value);
    let width = terminal_width().unwrap_or(usize::MAX).saturating_sub(NAMES).max(40);
    for (i, line) in fold(&value, width).into_iter().enumerate() {
        say(format_args!("{:<NAMES$}{line}", if i == 0 { name } else { "" }));
    }
}

/// Prints JSON, indented.
pub fn json(value: &serde_json::Value) {
    json_text(&format!("{value:#}"));
}

/// Prints JSON that is written down already.
pub fn json_text(document: &str) {
    written(writeln!(io::stdout().lock(), "{}", untrusted_text::json(document)));
}

/// Prints XML that ends with a line break.
pub fn xml_text(document: &str) {
    say_bytes(untrusted_text::xml(document).as_bytes());
}

/// Columns of the terminal on standard output, at most 100.
pub fn terminal_width() -> Option<usize> {
    let (width, _) = terminal_size_of(io::stdout())?;
    Some(usize::from(width.0).min(100))
}

/// Lines of at most `width` columns, broken between words; longer words stay whole.
fn fold(text: &str, width: usize) -> Vec<String> {
    let options = Options::new(width).break_words(false).word_splitter(WordSplitter::NoHyphenation);
    wrap(text, options).into_iter().map(Cow::into_owned).collect()
}

/// The first line, shortened in the middle: an error begins with what happened and ends with why.
pub fn one_line(text: &str, width: usize) -> String {
    let line = untrusted_text::line(text.lines().next().unwrap_or(""));
    let line: Vec<char> = line.chars().collect();
    if line.len() <= width {
        return line.into_iter().collect();
    }
    let (head, tail) = (&line[..width / 2], &line[line.len() - (width - width / 2 - 1)..]);
    head.iter().chain(&['…']).chain(tail).collect()
}

/// A point in time, and how long ago it was.
pub fn when(time: DateTime<Utc>) -> String {
    format!("{} ({} ago)", time.to_rfc3339_opts(SecondsFormat::Millis, true), ago(time))
}

/// How long ago, in one unit: `119 s`, `2 min`, `2 h`, `2 d`.
pub fn ago(time: DateTime<Utc>) -> String {
    let seconds = (Utc::now() - time).num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `once`, `2 times`.
pub fn times(count: impl Into<u64>) -> String {
    match count.into() {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_between_words_and_keeps_long_words() {
        let folded = |text, width| fold(text, width).join("|");
        assert_eq!(folded("", 10), "");
        assert_eq!(folded("in one line", 11), "in one line");
        assert_eq!(folded("in one line", 10), "in one|line");
        assert_eq!(folded("an unbreakable word", 5), "an|unbreakable|word");
        assert_eq!(folded("ten dead letters", usize::MAX), "ten dead letters");
    }

    #[test]
    fn shortens_a_line_in_the_middle() {
        assert_eq!(one_line("at most ten", 11), "at most ten");
        assert_eq!(one_line("at most ten", 10), "at mo… ten");
        assert_eq!(one_line("first\nsecond", 10), "first");
    }

    #[test]
    fn escapes_control_characters_in_tables() {
        let rows = [vec!["1\u{1b}[2J\n9".to_owned(), "x".to_owned()], vec!["2".to_owned(), "y".to_owned()]];
        let lines = table_lines(&[Column::Left("voucher"), Column::Left("b")], &rows);
        assert_eq!(lines, ["VOUCHER        B", "1\\u{1b}[2J\\n9  x", "2              y"].map(str::to_owned));
    }
}
