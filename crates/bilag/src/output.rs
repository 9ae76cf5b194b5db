//! What people and scripts read: errors with their exit code, and tables.

use std::fmt;
use std::process::ExitCode;

use amqp::{BoxError, chain};

/// A command that failed: one line that says what, why, and so what to do.
#[derive(Debug)]
pub struct Failed {
    text: String,
    exit: u8,
}

impl Failed {
    /// Something did not work: exit code 1.
    pub fn at(what: impl fmt::Display, error: impl Into<BoxError>) -> Self {
        Self { text: format!("{what}: {}", chain(error.into().as_ref())), exit: 1 }
    }

    /// Something did not work, and the error says it all: exit code 1.
    pub fn plainly(error: impl Into<BoxError>) -> Self {
        Self { text: chain(error.into().as_ref()), exit: 1 }
    }

    /// A setting or an argument is wrong: exit code 2.
    pub fn used_wrongly(what: &str, error: impl Into<BoxError>) -> Self {
        Self { text: format!("{what}: {}", chain(error.into().as_ref())), exit: 2 }
    }

    /// A setting or an argument is wrong, and the error says it all: exit code 2.
    pub fn plainly_used_wrongly(error: impl Into<BoxError>) -> Self {
        Self { text: chain(error.into().as_ref()), exit: 2 }
    }
}

/// Tells a failure on standard error.
pub fn report(failed: &Failed) -> ExitCode {
    eprintln!("error: {}", failed.text);
    ExitCode::from(failed.exit)
}

/// A column's heading and side.
pub enum Column {
    /// Texts.
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

/// Prints rows under headings, each column as wide as it needs to be.
pub fn table(columns: &[Column], rows: &[Vec<String>]) {
    let heading = |column: &Column| match column {
        Column::Left(text) | Column::Right(text) => *text,
    };
    let width = |i: usize, column: &Column| {
        let cells = rows.iter().map(|row| row[i].chars().count());
        cells.chain([heading(column).chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = columns.iter().enumerate().map(|(i, column)| width(i, column)).collect();
    let headings: Vec<String> = columns.iter().map(|column| heading(column).to_uppercase()).collect();
    for row in std::iter::once(&headings).chain(rows) {
        let cells = row.iter().zip(columns).zip(&widths).map(|((cell, column), &width)| match column {
            Column::Left(_) => format!("{cell:<width$}"),
            Column::Right(_) => format!("{cell:>width$}"),
        });
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Prints JSON, indented.
pub fn json(value: &serde_json::Value) {
    println!("{value:#}");
}

/// The first line of a text. One that is too long loses its middle: an error begins with what
/// happened and ends with why.
pub fn one_line(text: &str, width: usize) -> String {
    let line: Vec<char> = text.lines().next().unwrap_or("").chars().collect();
    if line.len() <= width {
        return line.into_iter().collect();
    }
    let (head, tail) = (&line[..width / 2], &line[line.len() - (width - width / 2 - 1)..]);
    head.iter().chain(&['…']).chain(tail).collect()
}

/// How long ago, in the largest unit that says enough.
pub fn ago(time: chrono::DateTime<chrono::Utc>) -> String {
    let seconds = (chrono::Utc::now() - time).num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
