//! An invalid setting is a one-line error that names its variable, with exit code 2 and without secrets.

use bilag_tests::{TestEnv, exit_output};

/// The value that no output may contain.
const SECRET: &str = "hunter2-secret";

#[tokio::test]
async fn every_invalid_setting_is_one_line_naming_its_variable() {
    for (variable, value, says) in [
        (
            "BILAG_AMQP_URL",
            "http://bilag:hunter2-secret@broker.example",
            "write amqp://user:password@host:5672/vhost",
        ),
        (
            "BILAG_AMQP_URL",
            "amqp://one.example/a,amqp://two.example/b",
            "of a cluster, one for each node, separated by commas, all with one vhost",
        ),
        ("BILAG_AMQP_URL", "hunter2-secret", "write amqp://user:password@host:5672/vhost"),
        ("BILAG_BUS_EXCHANGE", "", "a value is required"),
        ("BILAG_RETRY_DELAYS", "5s,soon", "write a number and ms, s, m or h"),
        ("BILAG_RETRY_DELAYS", "", "write a number and ms, s, m or h"),
        ("BILAG_CONCURRENCY", "0", "0 is not in 1..=1000"),
        ("BILAG_CONCURRENCY", "many", "invalid digit"),
        ("BILAG_RECONCILE_EVERY", "daily", "write a number and ms, s, m or h"),
        ("BILAG_HEALTH_ADDR", "8080", "invalid socket address"),
        ("BILAG_LOG_FORMAT", "xml", "text, json"),
        ("BILAG_LOG", "bilag=loud", "error parsing level filter"),
        ("BILAG_DATABASE_URL", "mysql://bilag:hunter2-secret@db.example/x", "neither sqlite: nor postgres:"),
        ("BILAG_DATABASE_URL", "sqlite://", "names no file"),
        ("BILAG_TENANTS", "nowhere.toml", "nowhere.toml cannot be read"),
        ("BILAG_TEMPLATE", "a5", "neither built in (a4, roll-80mm) nor a file"),
        ("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", "perhaps", "not a boolean"),
        ("OMNIUM_BASE_URL", "omnium", "OMNIUM_BASE_URL"),
        ("OMNIUM_CLIENT_ID", "", "needed to send receipts to Omnium, and not set"),
        ("OMNIUM_CLIENT_SECRET", "", "needed to send receipts to Omnium, and not set"),
        ("OMNIUM_MAX_CONCURRENT_REQUESTS", "0", "0 is not in 1..=1000"),
        ("OMNIUM_TENANT_MAX_CONCURRENT_REQUESTS", "41", "41 is not in 1..=40"),
        ("OMNIUM_INVOICE_EXTRAS", "total", "expected one of isCreditNote, kid,"),
        ("OMNIUM_TIMEOUT", "10", "write a number and ms, s, m or h"),
        ("INVOICE_SERVICE_URL", "hunter2-secret", "INVOICE_SERVICE_URL"),
        ("INVOICE_SERVICE_URL", "http://bilag:hunter2-secret@invoices.example", "INVOICE_SERVICE_URL"),
        ("INVOICE_SERVICE_USERNAME", "", "needed to ask for the invoices of packages, and not set"),
        ("INVOICE_SERVICE_PASSWORD", "", "needed to ask for the invoices of packages, and not set"),
        ("INVOICE_SERVICE_PATIENCE", "soon", "write a number and ms, s, m or h"),
        ("INVOICE_SERVICE_MAX_CONCURRENT_REQUESTS", "0", "0 is not in 1..=1000"),
        ("INVOICE_SERVICE_TIMEOUT", "20", "write a number and ms, s, m or h"),
        ("OMS_ID", "Our OMS", "a name must have 1 to 64 characters of a-z, 0-9, -, _ and ."),
        ("OMS_BASE_URL", "hunter2-secret", "OMS_BASE_URL"),
        ("OMS_BASE_URL", "http://bilag:hunter2-secret@oms.example", "OMS_BASE_URL"),
        ("OMS_API_TOKEN", "", "needed to give the OMS the invoices of packages, and not set"),
        ("OMS_MAX_CONCURRENT_REQUESTS", "1001", "1001 is not in 1..=1000"),
        ("OMS_TIMEOUT", "10", "write a number and ms, s, m or h"),
        ("ERP_INVOICE_URL", "hunter2-secret", "ERP_INVOICE_URL"),
        ("ERP_MAX_CONCURRENT_REQUESTS", "0", "0 is not in 1..=1000"),
        ("ERP_EN16931", "xml", "off, cii, ubl"),
        ("BILAG_NOTIFY_WEBHOOK_URL", "hunter2-secret", "write an http or https URL"),
        ("BILAG_NOTIFY_WEBHOOK_FORM", "mail", "slack, teams, json"),
        ("BILAG_NOTIFY_AFTER", "soon", "write a number and ms, s, m or h"),
        ("BILAG_NOTIFY_SUMMARY_AT", "7 am", "a time of day has hours and minutes"),
        ("ERP_TIMEOUT", "10", "write a number and ms, s, m or h"),
    ] {
        let mut env = TestEnv::with_packages().await;
        env.enable_erp();
        for secret in
            ["OMNIUM_CLIENT_SECRET", "INVOICE_SERVICE_PASSWORD", "OMS_API_TOKEN", "ERP_INVOICE_AUTHORIZATION"]
        {
            env.set(secret, SECRET);
        }
        env.set(variable, value);
        let (code, error) = env.ends(&["consume", "all"]).await;
        assert_eq!(code, 2, "{variable}={value}: {error}");
        let last = error.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: ") && last.contains(says), "{variable}={value}: {error}");
        assert!(last.contains(variable), "{variable} is not named: {error}");
        assert!(!error.contains(SECRET), "{variable}={value}: {error}");
        assert_eq!(error.lines().count(), 1, "{variable}={value}: {error}");
    }
}

#[tokio::test]
async fn unopenable_store_exits_1_without_its_password() {
    let mut env = TestEnv::new().await;
    for (url, says) in [
        ("sqlite:///nowhere/at/all/bilag.db", "/nowhere/at/all/bilag.db"),
        ("postgres://bilag:hunter2-secret@127.0.0.1:1/receipts", "127.0.0.1"),
    ] {
        env.set("BILAG_DATABASE_URL", url);
        let (code, _, error) = exit_output(&env.run(&["sync", "list"]));
        assert_eq!((code, error.lines().count()), (1, 1), "{error}");
        assert!(
            error.starts_with("error: the store could not be opened: ") && error.contains(says),
            "{error}"
        );
        assert!(!error.contains(SECRET), "{error}");
    }
}
