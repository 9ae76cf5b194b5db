//! `bilag template` as authors run it: the built-in sources, a preview in a file, and one in a browser.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const TEMPLATE: &str =
    "[[block]]\ntype = \"text\"\ntext = \"{{ receipt.title }} {{ receipt.voucherNumber }}\"\n";

fn bilag(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bilag"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

fn ran(folder: &Path, arguments: &[&str]) -> Output {
    bilag(folder, arguments).output().expect("bilag runs")
}

#[test]
fn show_prints_a_source_that_is_valid() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a4", "roll-80mm"] {
        let shown = ran(folder.path(), &["template", "show", name]);
        assert!(shown.status.success());
        fs::write(folder.path().join("own.toml"), &shown.stdout).expect("the file is written");
        let checked = ran(folder.path(), &["template", "check", "own.toml"]);
        assert_eq!(String::from_utf8_lossy(&checked.stdout), "own.toml: valid\n");
    }
    assert_eq!(ran(folder.path(), &["template", "show", "a5"]).status.code(), Some(2));
}

#[test]
fn check_finds_what_stands_outside_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let footer = "\n[[footer]]\ntype = \"text\"\nsize = \"30pt\"\ntext = \"LINES\"\n";
    for (lines, is_valid) in [(4, true), (40, false)] {
        let footer = footer.replace("LINES", &vec!["Betingelser"; lines].join("\\n"));
        fs::write(folder.path().join("own.toml"), format!("{TEMPLATE}{footer}"))
            .expect("the file is written");
        let checked = ran(folder.path(), &["template", "check", "own.toml"]);
        assert_eq!(checked.status.success(), is_valid, "{checked:?}");
        let error = String::from_utf8_lossy(&checked.stderr);
        assert!(is_valid || error.contains("the header and the footer are"), "{error}");
    }
}

#[test]
fn preview_without_watch_writes_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = folder.path().join("shop.toml");
    fs::write(&shop, TEMPLATE).expect("the file is written");
    let once = ran(folder.path(), &["template", "preview", "shop.toml"]);
    assert!(String::from_utf8_lossy(&once.stdout).starts_with("shop.pdf: 1 page(s), "), "{once:?}");
    assert!(fs::read(folder.path().join("shop.pdf")).expect("a PDF").starts_with(b"%PDF-"));
    fs::write(&shop, TEMPLATE.replace("voucher", "vocher")).expect("the file is written");
    let wrong = ran(folder.path(), &["template", "preview", "shop.toml", "-o", "other.pdf"]);
    let error = String::from_utf8_lossy(&wrong.stderr);
    assert!(error.contains("shop.toml:3: unknown variable"), "{error}");
    assert!(!folder.path().join("other.pdf").exists());
}

/// A preview that is killed with the test.
struct Preview {
    process: Child,
    address: String,
}

impl Drop for Preview {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Preview {
    fn start(folder: &Path) -> Self {
        let arguments = ["template", "preview", "shop.toml", "--watch", "--port", "0"];
        let mut process = bilag(folder, &arguments).stdout(Stdio::piped()).spawn().expect("bilag starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { process, address }
    }

    fn request(&self, path: &str, host: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
            .expect("a request");
        stream
    }

    /// The answer's head and body.
    fn get(&self, path: &str) -> (String, Vec<u8>) {
        self.get_as(path, &self.address)
    }

    fn get_as(&self, path: &str, host: &str) -> (String, Vec<u8>) {
        let mut answer = Vec::new();
        self.request(path, host).read_to_end(&mut answer).expect("an answer");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        (String::from_utf8_lossy(&answer[..end]).into_owned(), answer.split_off(end + 4))
    }

    fn report(&self, query: &str) -> serde_json::Value {
        serde_json::from_slice(&self.get(&format!("/report{query}")).1).expect("JSON")
    }
}

#[test]
fn preview_renders_again_on_each_save() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = folder.path().join("shop.toml");
    fs::write(&shop, TEMPLATE).expect("the file is written");
    let preview = Preview::start(folder.path());
    let (head, page) = preview.get("/");
    assert!(head.starts_with("HTTP/1.1 200") && page.starts_with(b"<!DOCTYPE html>"), "{head}");

    let report = preview.report("");
    assert_eq!((&report["pages"], &report["mistakes"]), (&1.into(), &serde_json::json!([])));
    assert_eq!(report["receipts"], serde_json::json!(["sale", "return", "payment", "invoice"]));
    assert_eq!(report["languages"].as_array().map(Vec::len), Some(6));
    let mut documents = Vec::new();
    for query in ["receipt=sale", "receipt=return", "receipt=payment", "receipt=invoice", "language=tr"] {
        let (head, document) = preview.get(&format!("/document.pdf?{query}"));
        assert!(head.contains("application/pdf") && document.starts_with(b"%PDF-"), "{query}: {head}");
        assert!(!documents.contains(&document), "{query}");
        documents.push(document);
    }
    assert_eq!(preview.report("?receipt=file")["mistakes"], serde_json::json!(["no receipt was named"]));

    // The stream of changes says so when a file is saved.
    let mut changes = BufReader::new(preview.request("/changes", &preview.address));
    let mut next = || {
        let mut line = String::new();
        while !line.starts_with("data:") {
            line.clear();
            assert_ne!(changes.read_line(&mut line).expect("an event"), 0, "the stream goes on");
        }
        line.trim().to_owned()
    };
    assert_eq!(next(), "data: 1");
    fs::write(&shop, TEMPLATE.replace("voucherNumber", "vocherNo")).expect("the file is written");
    assert_eq!(next(), "data: 2");
    let mistakes = preview.report("")["mistakes"].to_string();
    assert!(mistakes.contains("shop.toml:3: unknown variable `receipt.vocherNo`"), "{mistakes}");
    assert!(preview.get("/document.pdf").0.starts_with("HTTP/1.1 422"));
    // An image that is missing is watched too.
    let image = "[[block]]\ntype = \"image\"\nfile = \"logo.svg\"\n";
    fs::write(&shop, format!("{TEMPLATE}{image}")).expect("the file is written");
    assert_eq!(next(), "data: 3");
    let logo = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 2 1'><rect width='2' height='1'/></svg>";
    fs::write(folder.path().join("logo.svg"), logo).expect("the file is written");
    assert_eq!(next(), "data: 4");
    assert_eq!(preview.report("")["mistakes"], serde_json::json!([]));
}

#[test]
fn preview_answers_this_machine_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("shop.toml"), TEMPLATE).expect("the file is written");
    let preview = Preview::start(folder.path());
    assert!(preview.address.starts_with("127.0.0.1:"), "{}", preview.address);
    assert!(preview.get_as("/report", "example.org").0.starts_with("HTTP/1.1 403"));
    assert!(preview.get_as("/report", "localhost:8765").0.starts_with("HTTP/1.1 200"));
}
