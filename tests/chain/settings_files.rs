//! Files named by settings must be regular and of limited size: a pipe, device, directory or huge file is reported
//! at once by every setting, and neither hangs the process nor fills its memory.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use bilag_tests::TestEnv;

/// Unreadable paths, each with its error.
fn no_files(env: &TestEnv) -> Vec<(String, &'static str)> {
    let at = |name: &str| env.folder().join(name).display().to_string();
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
    let mut env = TestEnv::new().await;
    let no_files = no_files(&env);
    let zero = ("/dev/zero".to_owned(), no_files[0].1);
    for (file, says) in no_files.iter().chain([&zero]) {
        let (code, reported) = env.ends(&["template", "check", file]).await;
        assert!(code == 1 && reported.contains(says), "{file}: {reported}");
        let image = format!("[[block]]\ntype = \"image\"\nfile = \"{file}\"\n");
        env.file("shop.toml", image);
        let (code, reported) = env.ends(&["template", "check", "shop.toml"]).await;
        assert!(
            code == 1 && reported.contains("shop.toml:3: ") && reported.contains(says),
            "{file}: {reported}"
        );
    }
    for (variable, arguments) in [
        ("BILAG_TEMPLATE", &["consume", "render"][..]),
        ("BILAG_TENANTS", &["consume", "render"]),
        ("BILAG_AMQP_URL_FILE", &["topology", "check"]),
        ("OMNIUM_CLIENT_SECRET_FILE", &["consume", "upload"]),
        ("BILAG_CONSOLE_USERS", &["console", "--listen", "127.0.0.1:0"]),
    ] {
        if let Some(plain) = variable.strip_suffix("_FILE") {
            env.unset(plain);
        }
        for (file, says) in &no_files {
            env.set(variable, file);
            let (code, reported) = env.ends(arguments).await;
            assert!(code != 0 && reported.contains(says), "{variable}={file}: {code} {reported}");
            env.unset(variable);
        }
        if variable == "BILAG_AMQP_URL_FILE" {
            let url = env.vhost.url.clone();
            env.set("BILAG_AMQP_URL", &url);
        }
    }
}
