//! Every way to change something: only with the token of this session, from our own pages, by who may.

use console::{Role, TestLabel};
use reqwest::StatusCode;

use crate::given::rejected;
use crate::world::World;

/// Every route that takes a form, and who may use it. `pages/` has no other: see the test below.
const FORMS: [(&str, Role); 6] = [
    ("/letters/confirm", Role::Operator),
    ("/letters/act", Role::Operator),
    ("/letters/0000000000000001/edit", Role::Editor),
    ("/jobs/1/stop", Role::Operator),
    ("/stages/render/pause", Role::Operator),
    ("/stages/render/resume", Role::Operator),
];

const FIELDS: [(&str, &str); 3] = [("act", "discard"), ("which", "all"), ("body", "{}")];

#[tokio::test]
async fn no_form_is_taken_without_its_token_or_from_elsewhere() {
    let world = World::new().await;
    rejected(world.store.as_ref(), 1).await;
    let (desk, other) = (world.desk(Role::Editor).await, world.desk(Role::Editor).await);
    let (ours, theirs) = (desk.token().await, other.token().await);
    assert!(!ours.is_empty() && ours != theirs);
    for (path, _) in FORMS {
        let with = |token| FIELDS.into_iter().chain([("csrf", token)]).collect::<Vec<_>>();
        let without = desk.post_as(path, &desk.base, &FIELDS).await;
        let wrong = desk.post_as(path, &desk.base, &with(&theirs)).await;
        let elsewhere = desk.post_as(path, "https://elsewhere.example", &with(&ours)).await;
        for refused in [without, wrong, elsewhere] {
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}: {}", refused.text);
        }
    }
    assert!(
        world.store.audit_entries(sync_store::Page::first(10)).await.expect("acts").is_empty(),
        "nothing was done"
    );
}

#[tokio::test]
async fn no_form_is_taken_from_who_may_not() {
    let world = World::new().await;
    rejected(world.store.as_ref(), 1).await;
    for role in [Role::Viewer, Role::Operator] {
        let desk = world.logged_in(role).await;
        assert!(!desk.token().await.is_empty(), "every page has the form for logging out");
        for (path, needs) in FORMS.into_iter().filter(|(_, needs)| *needs > role) {
            let answer = desk.post(path, &FIELDS).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} needs {needs}, and took {role}");
            let why = format!("This needs the role <strong>{needs}</strong>");
            assert!(answer.text.contains(&why), "{path}: {}", answer.text);
        }
    }
    let acts = world.store.audit_entries(sync_store::Page::first(10)).await.expect("acts");
    assert!(acts.iter().all(|act| act.act == "login"), "nothing was done: {acts:?}");
}

#[test]
fn every_route_with_a_form_is_among_those_that_are_tested() {
    let mut files = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/pages")];
    let mut forms = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()),
            );
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let routes = text.lines().filter(|line| line.contains(".route("));
        forms += routes.filter(|line| line.contains("post(")).count();
        let handlers = text.matches("CsrfForm(").count();
        assert!(
            !text.replace("CsrfForm<", "").contains("Form<") && !text.contains("Json<"),
            "{}: forms come as CsrfForm",
            path.display()
        );
        assert!(
            handlers == 0 || text.contains(".may(Role::") || text.contains("RequestedAction::of"),
            "{}",
            path.display()
        );
    }
    assert_eq!(forms, FORMS.len(), "a route that takes a form is missing from FORMS");
}

#[tokio::test]
async fn every_page_has_a_title_a_policy_and_one_first_heading() {
    let world = World::new().await;
    let id = rejected(world.store.as_ref(), 1).await;
    let desk = world.desk(Role::Editor).await;
    for path in [
        "/".to_owned(),
        "/letters".to_owned(),
        format!("/letters/{id}"),
        format!("/letters/{id}/edit"),
        "/receipts".to_owned(),
        "/receipts/9/rcpt-1".to_owned(),
        "/packages".to_owned(),
        "/report".to_owned(),
        "/audit".to_owned(),
        "/jobs".to_owned(),
        "/stages/upload/pause".to_owned(),
        "/letters/unknown".to_owned(),
        "/receipts/9/unknown".to_owned(),
        "/packages/akinon/99".to_owned(),
        "/packages/akinon/x".to_owned(),
        "/jobs/99".to_owned(),
        "/stages/unknown/pause".to_owned(),
    ] {
        let seen = desk.get(&path).await;
        let known = !path.contains("unknown") && !path.starts_with("/packages/") && !path.ends_with("99");
        assert_eq!(seen.status, if known { StatusCode::OK } else { StatusCode::NOT_FOUND }, "{path}");
        assert_eq!(seen.text.matches("<h1>").count(), 1, "{path}: {}", seen.text);
        assert!(seen.text.contains("<title>") && seen.text.contains("<html lang=\"en\">"), "{path}");
        assert!(!seen.text.contains(" style=\"") && !seen.text.contains(" onclick"), "{path}");
        let policy = seen.headers["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn every_page_names_a_test_environment() {
    const PAGES: [&str; 8] = [
        "/",
        "/letters",
        "/receipts",
        "/receipts/9/rcpt-1",
        "/packages",
        "/report",
        "/audit",
        "/receipts/9/none",
    ];
    let mut world = World::new().await;
    rejected(world.store.as_ref(), 1).await;
    for (label, is_of_all) in [(None, false), (Some("TEST"), true), (Some("TEST (tenant 7)"), false)] {
        world.test_label = label.map(|text| TestLabel { text: text.into(), is_of_all });
        let (is_told, badge) = (label.is_some(), format!(">{}</span>", label.unwrap_or("TEST")));
        let desk = world.desk(Role::Viewer).await;
        for path in PAGES {
            let page = desk.get(path).await.text;
            assert_eq!(page.contains(&badge), is_told, "{path}: {page}");
        }
        let desk = world.logged_in(Role::Viewer).await;
        for path in ["/login", "/login/start"] {
            let page = desk.get(path).await.text;
            assert_eq!(page.contains(">TEST</span>"), is_of_all, "{path}: {page}");
            assert!(!page.contains("tenant 7"), "before the login: {page}");
        }
    }
}
