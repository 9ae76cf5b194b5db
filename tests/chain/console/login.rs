//! Who may log in, and what each role sees.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use bilag_tests::{Browser, TestEnv, free_port};
use sandbox::idp::{self, Person};
use serde_json::json;
use tokio::net::TcpListener;

use super::publish_rejected;

const PASSWORD: &str = "correct horse battery";

/// Kari is an operator, Vera a viewer.
fn users(env: &TestEnv) -> String {
    let hash = env.password_line(PASSWORD);
    let user = |name: &str, role: &str| format!("[[user]]\nname = \"{name}\"\nrole = \"{role}\"\n{hash}\n");
    let path = env.file("users.toml", user("kari", "operator") + &user("vera", "viewer"));
    std::fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("set");
    path.to_str().expect("a path").to_owned()
}

async fn log_in(browser: &Browser, name: &str, password: &str) {
    browser.fill("name", name).await;
    browser.fill("password", password).await;
    browser.click_text("Log in").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn password_login_grants_the_role() {
    let env = TestEnv::new().await;
    let all = env.consume(&["all"]).await;
    publish_rejected(&env, 1201..=1202).await;
    drop(all);
    let users = users(&env);
    let console = env.console(&["--users", &users]).await;
    let browser = Browser::wide().await;
    browser.open(&console.at("/letters")).await;
    browser.wait_for_text("Password").await;
    browser.save_screenshot("login").await;
    log_in(&browser, "kari", "correct horse batteries").await;
    browser.wait_for_text("Wrong name or password.").await;
    browser.save_screenshot("login-refused").await;
    log_in(&browser, "kari", PASSWORD).await;
    browser.wait_for_path("/letters").await;
    browser.wait_for_text("2 dead letters waiting, by cause").await;
    browser.wait_for_text("kari operator").await;
    browser.click_text("Log out").await;
    browser.wait_for_text("Your session has ended.").await;
    browser.save_screenshot("logged-out").await;

    browser.click_text("Log in again").await;
    log_in(&browser, "vera", PASSWORD).await;
    browser.wait_for_text("2 dead letters").await;
    browser.click_text("Dead letters").await;
    browser.wait_for_text("2 dead letters waiting, by cause").await;
    assert!(!browser.has("main button[name=act]").await && !browser.has("main [type=checkbox]").await);
    browser.save_screenshot("viewer-letters").await;
    browser.click("table.letters tbody tr a").await;
    browser.wait_for_text("Personal data is hidden from viewers.").await;
    let seen = browser.page.source().await.expect("a page");
    for personal in ["Nordmann", "kari@example.no", "4791234567", "Storgata"] {
        assert!(!seen.contains(personal), "a viewer sees the personal data {personal}");
    }
    assert!(!browser.has("iframe").await && !browser.has("main button").await);
    browser.save_screenshot("viewer-letter").await;
    let posts = "const [csrf, done] = [document.querySelector('[name=csrf]').value, arguments[0]];\
                 const body = new URLSearchParams({ csrf, act: 'discard', which: 'all' });\
                 fetch('/letters/act', { method: 'POST', body }).then(answer => done(answer.status))";
    let status = browser.page.execute_async(posts, Vec::new()).await.expect("it is answered");
    assert_eq!(status, json!(403));
    assert_eq!(env.dead_letters().len(), 2);

    let anonymous = env.console(&[]).await;
    browser.open(&anonymous.url.replace("127.0.0.1", "bilag.localhost")).await;
    browser.wait_for_text("Wrong address").await;
    browser.save_screenshot("wrong-host").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidc_login_requires_a_role() {
    let mut env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
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
    env.set("BILAG_CONSOLE_URL", &outside);
    env.set("BILAG_CONSOLE_OIDC_ISSUER", idp.issuer());
    env.set("BILAG_CONSOLE_OIDC_CLIENT_ID", "bilag");
    env.set("BILAG_CONSOLE_OIDC_CLIENT_SECRET", "hush-hush");
    let console = env.console_on(&format!("127.0.0.1:{port}"), &[]).await;
    assert_eq!(console.url, outside);
    let browser = Browser::wide().await;
    browser.open(&console.at("/receipts")).await;
    browser.wait_for_text("You log in at").await;
    browser.save_screenshot("login-at-provider").await;
    browser.click_text("Log in").await;
    browser.wait_for_text("Who are you?").await;
    browser.click_text("nils").await;
    browser.wait_for_text("Login failed").await;
    browser.wait_for_text("the claim \"roles\" of your ID token").await;
    browser.save_screenshot("login-without-role").await;
    browser.click_text("Try again").await;
    browser.click_text("Log in").await;
    browser.click_text("kari").await;
    browser.wait_for_text("kari operator").await;
    browser.click_text("Receipts").await;
    browser.wait_for_text("No receipts yet.").await;
    browser.save_screenshot("receipts-empty").await;
    browser.close().await;
    assert_eq!(idp.tokens_given(), 2);
    assert!(!console.log().contains("hush-hush"));
}
