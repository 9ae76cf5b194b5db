//! The book: mdBook over `docs/` and the pages beside it, and a check of every link in what it made.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use crate::{Outcome, output, root, run as execute, target};

const MDBOOK_VERSION: &str = "0.5.4";

pub(crate) fn run() -> Outcome {
    let (source, html) = (target().join("book-source"), target().join("book"));
    assemble(&source)?;
    let tool = output(Command::new("dev/tool.sh").args(["mdbook", MDBOOK_VERSION]).current_dir(root()))?;
    execute(Command::new(tool.trim()).args(["build", "--dest-dir"]).arg(&html).arg(&source))?;
    let dead = dead_links(&html)?;
    if dead.is_empty() {
        println!("{}", html.join("index.html").display());
        return Ok(());
    }
    Err(format!("dead links in the book:\n{}", dead.join("\n")).into())
}

/// Copies what pages may link to into one folder, so that links lead where they lead in the repository.
fn assemble(source: &Path) -> Outcome {
    if source.exists() {
        fs::remove_dir_all(source)?;
    }
    let files = output(
        Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .current_dir(root()),
    )?;
    let hidden = ["crates/", "tests/chain/", "tests/src/", "xtask/", "."];
    for file in files.lines().filter(|file| !hidden.iter().any(|folder| file.starts_with(folder))) {
        let (from, to) = (root().join(file), source.join("src").join(file));
        if !from.is_file() {
            continue;
        }
        fs::create_dir_all(to.parent().ok_or("a file without a folder")?)?;
        if file.ends_with(".md") {
            // mdBook makes index.html of README.md, but leaves links to README.html.
            let to = if file.ends_with("README.md") { to.with_file_name("index.md") } else { to };
            let text = fs::read_to_string(from)?;
            fs::write(to, text.replace("README.md)", "index.md)").replace("README.md#", "index.md#"))?;
        } else {
            fs::copy(from, to)?;
        }
    }
    fs::rename(source.join("src/docs/book.toml"), source.join("book.toml"))?;
    // Its links are relative to docs/, the book's to the repository.
    let summary = fs::read_to_string(source.join("src/docs/SUMMARY.md"))?;
    let summary = summary.replace("](", "](docs/").replace("](docs/../", "](");
    Ok(fs::write(source.join("src/SUMMARY.md"), summary)?)
}

/// Every relative link in the pages that leads nowhere, to a file or to an anchor.
fn dead_links(html: &Path) -> Outcome<Vec<String>> {
    let mut pages = BTreeMap::new();
    let mut folders = vec![html.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html") {
                let text = fs::read_to_string(&path)?;
                pages.insert(path, text);
            }
        }
    }
    let own = |page: &Path| !["404.html", "print.html", "toc.html"].iter().any(|name| page.ends_with(name));
    let mut dead = Vec::new();
    for (page, text) in pages.iter().filter(|(page, _)| own(page)) {
        for link in attributes(text, "href").chain(attributes(text, "src")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if link.contains(':') || link.starts_with("//") {
                continue;
            }
            let to = if file.is_empty() { page.clone() } else { resolve(page, file) };
            let found = match pages.get(&to) {
                Some(text) => anchor.is_empty() || attributes(text, "id").any(|id| id == anchor),
                None => to.exists(),
            };
            if !found {
                dead.push(format!("{}: {link}", page.strip_prefix(html)?.display()));
            }
        }
    }
    dead.dedup();
    Ok(dead)
}

/// The values of an attribute.
fn attributes<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let before = format!(" {name}=\"");
    let starts: Vec<usize> = text.match_indices(&before).map(|(at, found)| at + found.len()).collect();
    starts.into_iter().filter_map(move |start| Some(text[start..].split_once('"')?.0))
}

/// A link's path from the page that it is on.
fn resolve(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().map(Path::to_owned).unwrap_or_default();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path
}
