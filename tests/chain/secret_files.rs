//! Secrets from files: read at the start, and again when they change, without a restart.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use bilag_tests::{Health, Store, TIMEOUT, Vhost, World, eventually, receipt};

/// The values that no line may show.
const SECRETS: [&str; 2] = ["hunter2-secret", "the-right-one"];

/// A folder as Kubernetes mounts secrets: the file is a link into a link that is swapped as a whole.
struct Mount(PathBuf);

impl Mount {
    fn new(world: &World, key: &str, content: &str) -> Self {
        let folder = world.file("mounted", "").with_file_name("mount");
        std::fs::create_dir(&folder).expect("a folder");
        let mount = Self(folder);
        mount.swap(key, content);
        symlink(format!("..data/{key}"), mount.file(key)).expect("a link");
        mount
    }

    fn swap(&self, key: &str, content: &str) {
        let version = format!("..{}", std::fs::read_dir(&self.0).expect("a folder").count());
        std::fs::create_dir(self.0.join(&version)).expect("a folder");
        std::fs::write(self.0.join(&version).join(key), content).expect("written");
        symlink(&version, self.0.join("..data_tmp")).expect("a link");
        std::fs::rename(self.0.join("..data_tmp"), self.0.join("..data")).expect("swapped");
    }

    fn file(&self, key: &str) -> PathBuf {
        self.0.join(key)
    }
}

fn text(path: &std::path::Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stage_resumes_once_the_secret_file_is_fixed() {
    let credentials = vec![("a-client".to_owned(), "the-right-one".to_owned())];
    let omnium = sandbox::omnium::Options { credentials, ..Default::default() };
    let options = sandbox::Options { omnium, ..Default::default() };
    let mut world = World::with(Vhost::new().await, Store::Sqlite, options).await;
    let health = Health::of(&mut world);
    let mount = Mount::new(&world, "client-secret", "hunter2-secret\n");
    world.unset("OMNIUM_CLIENT_SECRET");
    world.set("OMNIUM_CLIENT_SECRET_FILE", &text(&mount.file("client-secret")));
    // An outage that spent attempts would leave nothing alive.
    world.set("BILAG_RETRY_DELAYS", "300ms,600ms");
    world.set("BILAG_LOG", "debug");
    let mut all = world.consume(&["all"]).await;
    for number in 1..=20 {
        world.publish(&receipt(number)).await;
    }
    let why = eventually("upload is paused", async || {
        health.stage("upload").await?["pause"]["why"].as_str().map(str::to_owned)
    })
    .await;
    assert!(why.contains("OMNIUM_CLIENT_SECRET"), "{why}");

    mount.swap("client-secret", "the-right-one\n");
    world.complete_within(TIMEOUT, 20).await;
    assert!(all.has_ended().is_none(), "it was not started again");
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
    world.assert_exactly_once(1..=20);
    let log = all.log();
    assert!(log.contains("a credential was reloaded from its file"), "{log}");
    for secret in SECRETS {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn url_files_are_reread_at_the_next_connection() {
    let mut world = World::new().await;
    let first = world.vhost.user("first").await;
    let mount = Mount::new(&world, "amqp-url", &format!("{first}\n"));
    let database =
        world.settings.iter().find(|(name, _)| name == "BILAG_DATABASE_URL").expect("set").1.clone();
    world.unset("BILAG_AMQP_URL");
    world.unset("BILAG_DATABASE_URL");
    world.set("BILAG_AMQP_URL_FILE", &text(&mount.file("amqp-url")));
    let file = text(&world.file("database-url", format!("{database}\n")));
    world.set("BILAG_DATABASE_URL_FILE", &file);
    let mut all = world.consume(&["all"]).await;
    world.publish(&receipt(1)).await;
    world.complete_within(TIMEOUT, 1).await;

    // The same user with another password: the first one is not let in any more.
    let second = world.vhost.user("second").await;
    mount.swap("amqp-url", &format!("{second}\n"));
    eventually("connections are closed", async || {
        (world.vhost.close_connections("bilag").await > 0).then_some(())
    })
    .await;
    world.publish(&receipt(2)).await;
    world.complete_within(TIMEOUT, 2).await;
    assert!(all.has_ended().is_none(), "it was not started again");
    world.assert_exactly_once(1..=2);
}

#[tokio::test]
async fn duplicate_or_missing_secret_file_exits_2() {
    for name in [
        "BILAG_AMQP_URL",
        "BILAG_DATABASE_URL",
        "OMNIUM_CLIENT_ID",
        "OMNIUM_CLIENT_SECRET",
        "INVOICE_SERVICE_USERNAME",
        "INVOICE_SERVICE_PASSWORD",
        "OMS_API_TOKEN",
        "ERP_INVOICE_AUTHORIZATION",
    ] {
        let mut world = World::with_packages().await;
        world.deliver_to_erp();
        let file = format!("{name}_FILE");
        let path = text(&world.file("a-secret", "hunter2-secret"));
        world.set(&file, &path);
        let (code, error) = world.ends(&["consume", "all"]).await;
        let told = format!("error: {name} and {file} are both set");
        assert!(code == 2 && error.contains(&told) && error.lines().count() == 1, "{code}: {error}");

        world.unset(name);
        world.set(&file, "/nowhere/a-secret");
        let (code, error) = world.ends(&["consume", "all"]).await;
        let told = format!("error: {file}: the file /nowhere/a-secret cannot be read");
        assert!(code == 2 && error.contains(&told) && error.lines().count() == 1, "{code}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
