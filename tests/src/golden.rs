//! Normalises terminal output that differs between runs.

/// The text with ids, times, ages, the sizes of PDFs and the widths of columns made the same: two spaces
/// between cells, `ID` for a dead letter's, `TIME`, `AGE`, `SIZE` (above 99 bytes).
pub fn normalised(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(line).collect();
    lines.push(String::new());
    lines.join("\n")
}

fn line(line: &str) -> String {
    let indent = line.len() - line.trim_start().len();
    let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
    let cells: Vec<_> = cells.map(|cell| cell_without_age(&words(cell))).collect();
    format!("{}{}", &line[..indent.min(2)], cells.join("  "))
}

fn words(cell: &str) -> String {
    let mut words: Vec<&str> = cell.split(' ').collect();
    if let Some(bytes) = words.iter().position(|word| *word == "bytes),").filter(|bytes| *bytes > 0)
        && words[bytes - 1].len() > 3
    {
        words[bytes - 1] = "(SIZE";
    }
    let words = words.into_iter().map(|word| match word {
        _ if word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) => "ID",
        _ if chrono::DateTime::parse_from_rfc3339(word).is_ok() => "TIME",
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// `12 s`, alone or as in `TIME (12 s ago)`.
fn cell_without_age(cell: &str) -> String {
    let is_age = |text: &str| {
        text.split_once(' ')
            .is_some_and(|(number, unit)| number.parse::<u32>().is_ok() && ["s", "min"].contains(&unit))
    };
    match cell.rsplit_once('(') {
        Some((before, age)) if age.strip_suffix(" ago)").is_some_and(is_age) => format!("{before}(AGE ago)"),
        _ if is_age(cell) => "AGE".to_owned(),
        _ => cell.to_owned(),
    }
}
