//! `bilag dead edit`: a corrected body in a dead letter's place.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use operate::letters::{Desk, EditError, whole};
use uuid::Uuid;

use crate::chain::stages;
use crate::cli::EditArgs;
use crate::commands::{WHOLE_WITHIN, read};
use crate::output::{Failed, say};
use crate::who::who;

/// Sends the corrected body on, and puts the dead letter into the archive.
pub async fn edit(args: EditArgs) -> Result<(), Failed> {
    let id = &args.id;
    if !args.allow_edit {
        let why = "needed to send anything else than what was received: have the event mended where it is made, where that is possible";
        return Err(Failed::used_wrongly("--allow-edit", why));
    }
    let store = args.store.open().await?;
    let broker = args.broker.broker("dead letters")?;
    let stages = stages();
    let delays = &args.broker.retry_delays;
    let desk = Desk { store: store.as_ref(), broker: &broker, stages, delays };
    let found = desk.letter_to_edit(id).await.map_err(Failed::plainly)?;
    let stage = &found.noted.letter.stage;
    let body = match &args.body {
        Some(file) => read(file)?,
        None => {
            let who = who(args.who.as_deref());
            let message = whole(store.as_ref(), &broker, &who, &found.noted, WHOLE_WITHIN).await;
            let message = message.map_err(Failed::plainly)?;
            let gone = || Failed::plainly(EditError::Gone { id: id.clone(), stage: stage.clone() });
            in_editor(&events::legible(&message.ok_or_else(gone)?.body))?
        }
    };
    desk.edit(&who(args.who.as_deref()), id, &body).await.map_err(Failed::plainly)?;
    say(format_args!(
        "the corrected body was sent to bilag.{stage}; dead letter {id} is in bilag.{stage}.discarded, and bilag dead restore {id} brings it back"
    ));
    Ok(())
}

/// The body as it was left in the person's editor.
fn in_editor(body: &[u8]) -> Result<Vec<u8>, Failed> {
    let editor =
        ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok().filter(|e| !e.is_empty()));
    let editor = editor.ok_or_else(|| {
        Failed::used_wrongly(
            "--body",
            "needed: a file with the corrected body; or set EDITOR to edit it here",
        )
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

/// A file that only its owner may read and that goes away: it names customers.
struct Draft(PathBuf);

impl Draft {
    fn write(&self, body: &[u8]) -> std::io::Result<()> {
        let path: &Path = &self.0;
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(body)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It lies in a folder for what is temporary, should this fail.
        let _ = fs::remove_file(&self.0);
    }
}
