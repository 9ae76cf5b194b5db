//! `bilag transform`: what transforms make of messages, for those who write them.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use amqp::{BoxError, chain};
use config::FileVersion;
use consumer::TransformsFile;
use transform::{Entry, Source, Transforms};

use super::{indented, read, transform_init};
use crate::chain::stages;
use crate::cli::{TransformArgs, TransformCommand};
use crate::output::{self, Failed, say, tell};
use crate::shutdown::shutdown_on_signal;

/// How often files are looked at by `--watch`.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);

/// Applies the transforms to each message, once or again and again.
pub async fn run(args: TransformArgs) -> Result<(), Failed> {
    if let Some(TransformCommand::Init(args)) = &args.command {
        return transform_init::run(args);
    }
    let Some(file) = &args.transforms.transforms else {
        return Err(Failed::used_wrongly("BILAG_TRANSFORMS", "required: the file of transforms"));
    };
    if !args.watch {
        return apply_all(&args, &file.current());
    }
    let shutdown = shutdown_on_signal("stopping")?;
    let watching = watch(&args, file);
    shutdown.run_until_cancelled(watching).await;
    Ok(())
}

async fn watch(args: &TransformArgs, file: &TransformsFile) {
    let path = file.path();
    // With a mistake in it, the file names no filters: those that it had are looked at on.
    let mut of_transforms = vec![path.to_owned()];
    let mut seen = None;
    loop {
        let now = versions(&of_transforms, args);
        if seen.as_ref() != Some(&now) {
            let transforms = Transforms::open(path);
            // What is saved from now on is seen, but for what the file names since this save.
            seen = Some(now);
            if let Ok(transforms) = &transforms
                && !transforms.files().eq(of_transforms.iter().map(PathBuf::as_path))
            {
                of_transforms = transforms.files().map(Path::to_owned).collect();
                seen = Some(versions(&of_transforms, args));
            }
            let applied = match transforms {
                Ok(transforms) => apply_all(args, &transforms),
                Err(error) => Err(Failed::plainly(error)),
            };
            if let Err(failed) = applied {
                output::report(&failed);
            }
            say("");
        }
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

/// The files that are watched, each with its version.
fn versions(of_transforms: &[PathBuf], args: &TransformArgs) -> Vec<(PathBuf, Option<FileVersion>)> {
    let messages = messages(&args.files).unwrap_or_default();
    let files = of_transforms.iter().cloned().chain(messages);
    files.map(|file| (file.clone(), FileVersion::of(&file))).collect()
}

/// Prints the events of each message, or with `--check` whether they are valid.
fn apply_all(args: &TransformArgs, transforms: &Transforms) -> Result<(), Failed> {
    let files = messages(&args.files)?;
    let mut wrong = 0;
    for file in &files {
        let name = file.display();
        let body = read(file)?;
        match apply(args, transforms, &body) {
            Ok(Applied { entry, events, unknown }) if args.check => {
                let made = match events.len() {
                    0 => "no event".to_owned(),
                    1 => entry.makes.to_string(),
                    count => format!("{count} × {}", entry.makes),
                };
                let unread = if unknown.is_empty() { "" } else { "; nothing reads " };
                say(format_args!(
                    "{name}: {made}, by transform {}{unread}{}",
                    entry.name,
                    unknown.join(", ")
                ));
            }
            Ok(Applied { entry, events, unknown }) => {
                if events.is_empty() {
                    tell(format_args!("{name}: transform {} makes no event of it", entry.name));
                }
                if !unknown.is_empty() {
                    tell(format_args!("{name}: nothing reads {}", unknown.join(", ")));
                }
                events.iter().for_each(|event| output::json_text(&indented(event)));
            }
            Err(error) if args.check => {
                wrong += 1;
                say(format_args!("{name}: {}", chain(error.as_ref())));
            }
            Err(error) => return Err(Failed::at(name, error)),
        }
    }
    match wrong {
        0 => Ok(()),
        wrong => Err(Failed::plainly(format!("{wrong} of {} messages are wrong", files.len()))),
    }
}

/// What a transform makes of a message.
struct Applied<'a> {
    entry: &'a Entry,
    events: Vec<Vec<u8>>,
    /// Members of the events that no stage knows.
    unknown: Vec<String>,
}

/// The events of a message, each checked as the stage would that reads it.
fn apply<'a>(args: &TransformArgs, transforms: &'a Transforms, body: &[u8]) -> Result<Applied<'a>, BoxError> {
    let (kind, tenant) = (args.kind.as_deref(), args.tenant.as_deref());
    let mut source = Source { kind, tenant, body, ..Source::default() };
    let entry = match &args.key {
        Some(key) => {
            source.key = key;
            transforms.find(&source, &transform::Makes::ALL).map(|index| &transforms.entries()[index])
        }
        None => transforms.entries().iter().find(|entry| entry.is_for_any_key(&source)),
    };
    let entry = entry.ok_or("no transform is for this key, type and tenant: it is read as it comes")?;
    let stage = stages().iter().find(|stage| stage.made_by().contains(&entry.makes));
    let stage = stage.ok_or("no stage reads what the transform makes")?;
    let events = stage.try_transform(entry, &source)?;
    let mut unknown: Vec<_> = events.iter().flat_map(|event| stage.unknown_members(event)).collect();
    let mut seen = HashSet::new();
    unknown.retain(|member| seen.insert(member.clone()));
    Ok(Applied { entry, events, unknown })
}

/// The files, and those of folders by their names.
fn messages(files: &[PathBuf]) -> Result<Vec<PathBuf>, Failed> {
    let mut messages = Vec::new();
    for file in files {
        if !file.is_dir() {
            messages.push(file.clone());
            continue;
        }
        let entries = fs::read_dir(file).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let entries = entries.map_err(|error| Failed::at(file.display(), error))?;
        let mut within: Vec<_> =
            entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        within.sort();
        messages.extend(within);
    }
    Ok(messages)
}
