//! Secrets in files: read at startup, and again when they change, without a restart.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use bilag_tests::{Health, Store, TestEnv, Vhost, eventually, receipt};

/// Values that no output may contain.
const SECRETS: [&str; 2] = ["hunter2-secret", "the-right-one"];

/// A folder like a Kubernetes secret mount: the file is a link into a linked folder that is swapped atomically.
struct Mount(PathBuf);

impl Mount {
    fn new(env: &TestEnv, key: &str, content: &str) -> Self {
        let folder = env.file("mounted", "").with_file_name("mount");
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
    let mut env = TestEnv::with(Vhost::new().await, Store::Sqlite, options).await;
    let health = Health::of(&mut env);
    let mount = Mount::new(&env, "client-secret", "hunter2-secret\n");
    env.unset("OMNIUM_CLIENT_SECRET");
    env.set("OMNIUM_CLIENT_SECRET_FILE", &text(&mount.file("client-secret")));
    // An outage that spent attempts would kill the messages.
    env.set("BILAG_RETRY_DELAYS", "300ms,600ms");
    env.set("BILAG_LOG", "debug");
    let mut all = env.consume(&["all"]).await;
    for number in 1..=20 {
        env.publish(&receipt(number)).await;
    }
    let why = eventually("upload is paused", async || {
        health.stage("upload").await?["pause"]["why"].as_str().map(str::to_owned)
    })
    .await;
    assert!(why.contains("OMNIUM_CLIENT_SECRET"), "{why}");

    mount.swap("client-secret", "the-right-one\n");
    env.complete(20).await;
    assert!(all.has_ended().is_none(), "it was not restarted");
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    env.assert_exactly_once(1..=20);
    let log = all.log();
    assert!(log.contains("a credential was reloaded from its file"), "{log}");
    for secret in SECRETS {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn url_files_are_reread_at_the_next_connection() {
    let mut env = TestEnv::new().await;
    let first = env.vhost.user("first").await;
    let mount = Mount::new(&env, "amqp-url", &format!("{first}\n"));
    let database = env.settings.iter().find(|(name, _)| name == "BILAG_DATABASE_URL").expect("set").1.clone();
    env.unset("BILAG_AMQP_URL");
    env.unset("BILAG_DATABASE_URL");
    env.set("BILAG_AMQP_URL_FILE", &text(&mount.file("amqp-url")));
    let file = text(&env.file("database-url", format!("{database}\n")));
    env.set("BILAG_DATABASE_URL_FILE", &file);
    let mut all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    env.complete(1).await;

    // The same user with another password: the first one is no longer valid.
    let second = env.vhost.user("second").await;
    mount.swap("amqp-url", &format!("{second}\n"));
    eventually("connections are closed", async || {
        (env.vhost.close_connections("bilag").await > 0).then_some(())
    })
    .await;
    env.publish(&receipt(2)).await;
    env.complete(2).await;
    assert!(all.has_ended().is_none(), "it was not restarted");
    env.assert_exactly_once(1..=2);
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
        let mut env = TestEnv::with_packages().await;
        env.enable_erp();
        let file = format!("{name}_FILE");
        let path = text(&env.file("a-secret", "hunter2-secret"));
        env.set(&file, &path);
        let (code, error) = env.ends(&["consume", "all"]).await;
        let expected = format!("error: {name} and {file} are both set");
        assert!(code == 2 && error.contains(&expected) && error.lines().count() == 1, "{code}: {error}");

        env.unset(name);
        env.set(&file, "/nowhere/a-secret");
        let (code, error) = env.ends(&["consume", "all"]).await;
        let expected = format!("error: {file}: the file /nowhere/a-secret cannot be read");
        assert!(code == 2 && error.contains(&expected) && error.lines().count() == 1, "{code}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
