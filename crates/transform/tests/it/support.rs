//! Transforms from texts.

use std::path::Path;

use transform::{Made, Source, TomlFileError, TransformError, Transforms};

pub(crate) fn read(text: &str) -> Result<Transforms, TomlFileError> {
    Transforms::read(text, Path::new("transforms.toml"))
}

/// One transform with a filter, which may hold anything but `'''`.
pub(crate) fn with_filter(filter: &str) -> Transforms {
    with("", filter)
}

/// The same, with further keys.
pub(crate) fn with(keys: &str, filter: &str) -> Transforms {
    let text = format!("[[transform]]\nname = \"test\"\n{keys}\nfilter = '''\n{filter}\n'''\n");
    read(&text).expect("a file of transforms")
}

/// What the only transform makes.
pub(crate) fn apply(transforms: &Transforms, body: &str) -> Result<Made, TransformError> {
    transforms.entries()[0].apply(&Source { body: body.as_bytes(), ..Source::default() })
}

/// The member `out` of what a filter makes of an input, as JSON.
pub(crate) fn output(filter: &str, input: &str) -> String {
    let made = apply(&with_filter(&format!("{{ out: ({filter}) }}")), input);
    let Ok(Made::Event(event)) = &made else { panic!("{filter} of {input}: {made:?}") };
    let event = std::str::from_utf8(event).expect("text");
    let start = event.strip_prefix("{\"out\":").expect("out comes first");
    let end = start.find(",\"type\":\"receipt.settled.v1\"").expect("the type is supplied after it");
    start[..end].to_owned()
}

/// How a filter fails on an input.
pub(crate) fn error(filter: &str, input: &str) -> String {
    match apply(&with_filter(filter), input) {
        Err(error) => error.to_string(),
        Ok(made) => panic!("{filter} of {input} makes {made:?}"),
    }
}

/// The mistakes of a file.
pub(crate) fn mistakes(text: &str) -> String {
    read(text).expect_err("the file has mistakes").to_string()
}
