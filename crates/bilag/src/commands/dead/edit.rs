//! `bilag dead edit`: a corrected body in a dead letter's place.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use operate::dead_letters::{EditError, readable};
use uuid::Uuid;

use super::{service, stages_with};
use crate::cli::EditArgs;
use crate::commands::{WHOLE_WITHIN, read};
use crate::output::{Failed, say};
use crate::who::who;

/// Sends the corrected body, and archives the dead letter.
pub async fn run(args: EditArgs) -> Result<(), Failed> {
    let id = &args.id;
    if !args.allow_edit {
        let why = "required, because the event sent is not the event received: prefer a fix at its source";
        return Err(Failed::used_wrongly("--allow-edit", why));
    }
    let mut service = service(args.store.open().await?, &args.broker)?;
    service.stages = stages_with(&args.transforms);
    let found = service.editable(id).await.map_err(Failed::plainly)?;
    let stage = &found.noted.letter.stage;
    let body = match &args.body {
        Some(file) => read(file)?,
        None => {
            let who = who(args.who.as_deref());
            let message = service.read_whole(&who, &found.noted, WHOLE_WITHIN).await;
            let message = message.map_err(Failed::plainly)?;
            let gone = || Failed::plainly(EditError::Gone { id: id.clone(), stage: stage.clone() });
            in_editor(&readable(&message.ok_or_else(gone)?.body).0)?
        }
    };
    service.edit(&who(args.who.as_deref()), id, &body).await.map_err(Failed::plainly)?;
    say(format_args!(
        "the corrected body was sent to bilag.{stage}; dead letter {id} is in bilag.{stage}.discarded; `bilag dead restore {id}` brings it back"
    ));
    Ok(())
}

/// The body as saved in the operator's editor.
fn in_editor(body: &[u8]) -> Result<Vec<u8>, Failed> {
    let editor =
        ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok().filter(|e| !e.is_empty()));
    let editor = editor.ok_or_else(|| {
        Failed::used_wrongly("--body", "required: a file with the corrected body; or set EDITOR")
    })?;
    let file = Draft(std::env::temp_dir().join(format!("bilag-edit-{}.json", Uuid::new_v4())));
    file.write(body).map_err(|error| Failed::at(file.0.display(), error))?;
    let ended = Command::new("sh").args(["-c", "exec $0 \"$1\"", &editor]).arg(&file.0).status();
    match ended {
        Ok(status) if status.success() => read(&file.0),
        Ok(status) => Err(Failed::plainly(format!("{editor} ended with {status}: nothing was sent"))),
        Err(error) => Err(Failed::at(editor, error)),
    }
}

/// A temporary file with mode 0600, removed when dropped: it contains personal data.
struct Draft(PathBuf);

impl Draft {
    fn write(&self, body: &[u8]) -> std::io::Result<()> {
        let path: &Path = &self.0;
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(body)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Should this fail, it is in the temporary directory.
        let _ = fs::remove_file(&self.0);
    }
}
