//! Who is let in, and what they see.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use bilag_tests::{Browser, World, free_port};
use sandbox::idp::{self, Person};
use serde_json::json;
use tokio::net::TcpListener;

use super::publish_refused;

const PASSWORD: &str = "correct horse battery";

/// Kari is an operator, Vera a viewer.
fn users(world: &World) -> String {
    let hash = world.hashed(PASSWORD);
    let user = |name: &str, role: &str| format!("[[user]]\nname = \"{name}\"\nrole = \"{role}\"\n{hash}\n");
    let path = world.file("users.toml", user("kari", "operator") + &user("vera", "viewer"));
    std::fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("set");
    path.to_str().expect("a path").to_owned()
}

async fn log_in(browser: &Browser, name: &str, password: &str) {
    browser.fill("name", name).await;
    browser.fill("password", password).await;
    browser.press("Log in").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn password_login_grants_the_role() {
    let world = World::new().await;
    let all = world.consume(&["all"]).await;
    publish_refused(&world, 1201..=1202).await;
    drop(all);
    let users = users(&world);
    let console = world.console(&["--users", &users]).await;
    let browser = Browser::wide().await;
    browser.open(&console.at("/letters")).await;
    browser.shows("Password").await;
    browser.picture("login").await;
    log_in(&browser, "kari", "correct horse batteries").await;
    browser.shows("Wrong name or password.").await;
    browser.picture("login-refused").await;
    log_in(&browser, "kari", PASSWORD).await;
    browser.is_at("/letters").await;
    browser.shows("2 dead letters waiting, by cause").await;
    browser.shows("kari operator").await;
    browser.press("Log out").await;
    browser.shows("Your session has ended.").await;
    browser.picture("logged-out").await;

    browser.press("Log in again").await;
    log_in(&browser, "vera", PASSWORD).await;
    browser.shows("2 dead letters").await;
    browser.press("Dead letters").await;
    browser.shows("2 dead letters waiting, by cause").await;
    assert!(!browser.has("main button[name=act]").await && !browser.has("main [type=checkbox]").await);
    browser.picture("viewer-letters").await;
    browser.click("table.letters tbody tr a").await;
    browser.shows("Personal data is hidden from viewers.").await;
    let seen = browser.page.source().await.expect("a page");
    for personal in ["Nordmann", "kari@example.no", "4791234567", "Storgata"] {
        assert!(!seen.contains(personal), "a viewer sees {personal}");
    }
    assert!(!browser.has("iframe").await && !browser.has("main button").await);
    browser.picture("viewer-letter").await;
    let posts = "const [csrf, done] = [document.querySelector('[name=csrf]').value, arguments[0]];\
                 const body = new URLSearchParams({ csrf, act: 'discard', which: 'all' });\
                 fetch('/letters/act', { method: 'POST', body }).then(answer => done(answer.status))";
    let status = browser.page.execute_async(posts, Vec::new()).await.expect("it is answered");
    assert_eq!(status, json!(403));
    assert_eq!(world.dead_letters().len(), 2);

    let anonymous = world.console(&[]).await;
    browser.open(&anonymous.url.replace("127.0.0.1", "bilag.localhost")).await;
    browser.shows("Wrong address").await;
    browser.picture("wrong-host").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidc_login_requires_a_role() {
    let mut world = World::new().await;
    world.ok(&["topology", "apply"]);
    let port = free_port();
    let outside = format!("http://localhost:{port}");
    let person = |name: &str, roles: &[&str]| Person {
        claims: json!({ "sub": name, "preferred_username": name, "roles": roles }),
    };
    let options = idp::Options {
        client_id: "bilag".to_owned(),
        client_secret: "hush-hush".to_owned(),
        redirect_uri: format!("{outside}/login/back"),
        people: vec![person("kari", &["bilag-operator"]), person("nils", &["cook"])],
    };
    let idp = idp::serve(TcpListener::bind("127.0.0.1:0").await.expect("a port"), options).expect("served");
    world.set("BILAG_CONSOLE_URL", &outside);
    world.set("BILAG_CONSOLE_OIDC_ISSUER", idp.issuer());
    world.set("BILAG_CONSOLE_OIDC_CLIENT_ID", "bilag");
    world.set("BILAG_CONSOLE_OIDC_CLIENT_SECRET", "hush-hush");
    let console = world.console_on(&format!("127.0.0.1:{port}"), &[]).await;
    assert_eq!(console.url, outside);
    let browser = Browser::wide().await;
    browser.open(&console.at("/receipts")).await;
    browser.shows("You log in at").await;
    browser.picture("login-at-provider").await;
    browser.press("Log in").await;
    browser.shows("Who are you?").await;
    browser.press("nils").await;
    browser.shows("Login failed").await;
    browser.shows("the claim \"roles\" of your ID token").await;
    browser.picture("login-without-role").await;
    browser.press("Try again").await;
    browser.press("Log in").await;
    browser.press("kari").await;
    browser.shows("kari operator").await;
    browser.press("Receipts").await;
    browser.shows("No receipts yet.").await;
    browser.picture("receipts-empty").await;
    browser.close().await;
    assert_eq!(idp.tokens_given(), 2);
    assert!(!console.log().contains("hush-hush"));
}
