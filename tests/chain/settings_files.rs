//! Files that settings name are regular ones of a sane size: a pipe, a device, a directory or a huge file is told
//! at once, whichever setting names it, and neither hangs the process nor fills its memory.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use bilag_tests::World;

/// What is no file to be read, with what is said of it.
fn no_files(world: &World) -> Vec<(String, &'static str)> {
    let at = |name: &str| world.folder().join(name).display().to_string();
    assert!(Command::new("mkfifo").arg(at("pipe")).status().expect("mkfifo").success());
    fs::create_dir(at("folder")).expect("made");
    File::create(at("huge")).and_then(|file| file.set_len(2 << 30)).expect("made");
    for private in ["pipe", "huge", "folder"] {
        fs::set_permissions(at(private), fs::Permissions::from_mode(0o700)).expect("set");
    }
    vec![
        (at("pipe"), "it is a pipe, a socket or a device, not a file"),
        (at("folder"), "it is a directory, not a file"),
        (at("huge"), "it is larger than"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_setting_rejects_special_and_oversized_files() {
    let mut world = World::new().await;
    let no_files = no_files(&world);
    let zero = ("/dev/zero".to_owned(), no_files[0].1);
    for (file, says) in no_files.iter().chain([&zero]) {
        let (code, told) = world.ends(&["template", "check", file]).await;
        assert!(code == 1 && told.contains(says), "{file}: {told}");
        let image = format!("[[block]]\ntype = \"image\"\nfile = \"{file}\"\n");
        world.file("shop.toml", image);
        let (code, told) = world.ends(&["template", "check", "shop.toml"]).await;
        assert!(code == 1 && told.contains("shop.toml:3: ") && told.contains(says), "{file}: {told}");
    }
    for (variable, arguments) in [
        ("BILAG_TEMPLATE", &["consume", "render"][..]),
        ("BILAG_TENANTS", &["consume", "render"]),
        ("BILAG_AMQP_URL_FILE", &["topology", "check"]),
        ("OMNIUM_CLIENT_SECRET_FILE", &["consume", "upload"]),
        ("BILAG_CONSOLE_USERS", &["console", "--listen", "127.0.0.1:0"]),
    ] {
        if let Some(plain) = variable.strip_suffix("_FILE") {
            world.unset(plain);
        }
        for (file, says) in &no_files {
            world.set(variable, file);
            let (code, told) = world.ends(arguments).await;
            assert!(code != 0 && told.contains(says), "{variable}={file}: {code} {told}");
            world.unset(variable);
        }
        if variable == "BILAG_AMQP_URL_FILE" {
            let url = world.vhost.url.clone();
            world.set("BILAG_AMQP_URL", &url);
        }
    }
}
