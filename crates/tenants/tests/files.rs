//! Tenants' files: what is read from them, and each mistake with its line.

use std::path::Path;

use invoice::{Extra, PropertyName};
use tenants::{SecretFrom, Tenants, TomlFileError};

fn read(source: &str) -> Result<Tenants, String> {
    Tenants::read(source, Path::new("/etc/bilag/tenants.toml")).map_err(|error| error.to_string())
}

#[test]
fn a_tenant_has_its_table_and_others_the_default() {
    let tenants = read(
        r#"
        [tenant.7]
        base-url = "https://api.omnium.example"
        client-id = {env="NORDLYS_ID"}
        client-secret = { file = "nordlys.secret" }
        omnium-tenant = "nordlys"
        send = true
        prefix = "nordlys"
        invoice-extras = ["isCreditNote", "kid"]
        template = "nordlys.toml"
        language = "nb"
        max-concurrent-requests = 4
        customer-types = { business = "Business", private = "Private" }

        [tenant.7.payment-methods]
        1001 = "Card"
        "B 2" = "Cash"

        [tenant.7.property-keys]
        "order.type" = "till.type"

        [tenant.7.notify]
        webhook-url = { file = "chat.url" }
        webhook-form = "teams"
        email-to = ["ops@nordlys.example"]

        [tenant."9/b"]

        [default]
        send = false
        "#,
    )
    .expect("no mistake");
    let seven = tenants.find("7").expect("it is there");
    let (id, secret) = seven.credentials.as_ref().expect("both");
    assert_eq!((&id.value, id.line), (&SecretFrom::Env("NORDLYS_ID".to_owned()), 4));
    assert_eq!(secret.value, SecretFrom::File("/etc/bilag/nordlys.secret".into()));
    assert_eq!((seven.name(), seven.send, seven.prefix.as_deref()), ("7", Some(true), Some("nordlys")));
    assert_eq!(seven.template.as_ref().map(|at| (&*at.value, at.line)), Some(("nordlys.toml", 10)));
    assert_eq!(seven.invoice_extras, Some([Extra::IsCreditNote, Extra::Kid].into()));
    assert_eq!(seven.beside("nordlys.toml"), Path::new("/etc/bilag/nordlys.toml"));
    assert_eq!((seven.max_concurrent_requests, seven.shares_omnium()), (Some(4), false));

    assert_eq!(seven.omnium_tenant.as_deref(), Some("nordlys"));
    let words = [&seven.business, &seven.private].map(Option::as_deref);
    assert_eq!(words, [Some("Business"), Some("Private")]);
    let methods = seven.payment_methods.iter().map(|(code, name)| (&**code, &**name));
    assert_eq!(methods.collect::<Vec<_>>(), [("1001", "Card"), ("B 2", "Cash")]);
    assert_eq!(seven.property_keys[&PropertyName::OrderType].to_string(), "till.type");

    let notified = &seven.notify;
    let url = notified.webhook_url.as_ref().map(|at| &at.value);
    assert_eq!(url, Some(&SecretFrom::File("/etc/bilag/chat.url".into())));
    assert_eq!(notified.webhook_form.as_ref().map(|at| &*at.value), Some("teams"));
    let addresses = notified.email_to.iter().map(|at| (&*at.value, at.line));
    assert_eq!(addresses.collect::<Vec<_>>(), [("ops@nordlys.example", 25)]);

    let nine = tenants.find("9/b").expect("it is there");
    assert_eq!((nine.name(), nine.send, nine.shares_omnium()), ("9/b", None, true));
    let other = tenants.find("11").expect("the default");
    assert_eq!((other.name(), other.send), ("[default]", Some(false)));
    assert_eq!(tenants.iter().map(|tenant| tenant.name()).collect::<Vec<_>>(), ["7", "9/b", "[default]"]);
}

#[test]
fn unknown_tenants_have_nothing_without_a_default() {
    let tenants = read("[tenant.7]").expect("no mistake");
    assert_eq!(tenants.find("8"), None);
}

#[test]
fn mistakes_name_line_tenant_and_key() {
    const SECRET: &str = "hunter2-secret";
    for (source, said) in [
        ("", ":1: the file names no tenant: it needs at least one table, as in [tenant.7]"),
        ("[tenant]", ":1: the file names no tenant"),
        ("[tenant.7", ":1: not TOML: "),
        ("[default.notify]\nemail-to = [\"a@b.example\"]", ":1: [default] has `notify`, and is no tenant"),
        ("[tenant.7.notify]\nemail-to = [\n7]", ":3: `email-to` of notify is a list of addresses"),
        ("[tenant.7.notify]\nwebhook-url = \"https://x\"", ":2: `webhook-url` of notify is not written here"),
        ("[tenant.7.notify]\nto = 7", ":2: unknown key `to`: notify takes"),
        ("\n[tenants.7]\n", ":2: unknown key `tenants`: the file takes default, tenant"),
        ("tenant = 7", ":1: `tenant` of the file is a table for each tenant, as in [tenant.7]"),
        ("[tenant]\n7 = true", ":2: tenant 7 is a table, as in [tenant.7]"),
        ("default = 1", ":1: [default] is a table, as in [tenant.7]"),
        ("[tenant.\"\"]", ":1: this is no tenant uid"),
        (
            "[tenant.7]\nsend = true\nsecret = \"hunter2-secret\"",
            ":3: unknown key `secret`: tenant 7 takes base-url, client-id, client-secret, customer-types, en16931, facts, invoice-extras, language, max-concurrent-requests, notify, omnium-tenant, payment-methods, prefix, property-keys, send, template, time-zone",
        ),
        (
            "[tenant.7]\nclient-id = { env = \"A\" }\nclient-secret = \"hunter2-secret\"",
            ":3: `client-secret` of tenant 7 is not written here: say where it is, as in { env = \"NAME\" } or { file = \"/path\" }",
        ),
        (
            "[tenant.7]\nclient-id = \"hunter2-secret\"\nclient-secret = { env = \"A\" }",
            ":2: `client-id` of tenant 7 is not written here",
        ),
        (
            "[default]\nclient-id = { env = \"A\" }\nclient-secret = { env = \"A\", file = \"b\" }",
            ":3: `client-secret` of [default] is not written here",
        ),
        (
            "[default]\nclient-id = { env = \"A\" }\nclient-secret = { literal = \"hunter2-secret\" }",
            ":3: `client-secret` of [default] is not written here",
        ),
        (
            "[tenant.7]\nclient-id = { env = \"A\" }",
            ":1: tenant 7 needs both client-id and client-secret, or neither",
        ),
        (
            "[tenant.8]\n[tenant.7]\nbase-url = \"https://api.omnium.example\"",
            ":2: tenant 7 has a base-url and no credentials: those of the installation are not sent elsewhere",
        ),
        (
            "[tenant.7]\nomnium-tenant = \"nordlys\"",
            ":1: tenant 7 has an omnium-tenant and no credentials: it groups API users",
        ),
        ("[tenant.7]\nsend = \"yes\"", ":2: `send` of tenant 7 is true or false"),
        ("[tenant.7]\nprefix = \"\"", ":2: `prefix` of tenant 7 is a text in quotes, and not empty"),
        (
            "[tenant.7]\ninvoice-extras = \"kid\"",
            ":2: `invoice-extras` of tenant 7 is a list of isCreditNote, kid, referencedVoucherNumber, invoiceType, amountRoundoff, invoiceSenderAddress, externalIds",
        ),
        (
            "[tenant.7]\ninvoice-extras = [\n  \"kid\",\n  \"comment\",\n]",
            ":4: `invoice-extras` of tenant 7 is a list of isCreditNote, kid",
        ),
        ("[tenant.7]\npayment-methods = 7", ":2: `payment-methods` of tenant 7 is a table"),
        (
            "[tenant.7.payment-methods]\ncard = \"Card\"\ncash = 1",
            ":3: `payment-methods.cash` of tenant 7 is a text in quotes, not empty, of at most 1000 characters",
        ),
        (
            "[tenant.7.payment-methods]\n\"\" = \"Card\"",
            ":2: this is no code of a means of payment: 1 to 100 characters",
        ),
        (
            "[tenant.7.property-keys]\n\n\"order.number\" = \"number\"",
            ":3: this is no property: one of order_number, customer.loyalty_id, seller.code, order.type, receipt.voucher_number, receipt.referenced_voucher_number, in quotes",
        ),
        (
            "[tenant.7.property-keys]\norder_number = \"number\"\n\"seller.code\" = \"number\"",
            ":1: `property-keys` of tenant 7 is a key of its own for each property",
        ),
        (
            "[tenant.7]\ncustomer-types = { business = \"\" }",
            ":2: `business` of customer-types is a text in quotes, and not empty",
        ),
        (
            "[tenant.7]\ncustomer-types = { b2b = \"Business\" }",
            ":2: unknown key `b2b`: customer-types takes business, private",
        ),
        ("[tenant.7]\nlanguage = 7", ":2: `language` of tenant 7 is a text in quotes"),
        (
            "[tenant.7]\ntime-zone = \"Oslo\"",
            ":2: `time-zone` of tenant 7 is named as in the IANA database, as in \"Europe/Oslo\"",
        ),
        (
            "[tenant.7]\nmax-concurrent-requests = 0",
            ":2: `max-concurrent-requests` of tenant 7 is a whole number from 1 to 1000",
        ),
        ("[tenant.7]\nsend = 1\n\nprefix = 2", "; /etc/bilag/tenants.toml:4: `prefix` of tenant 7"),
    ] {
        let message = read(source).expect_err(source);
        assert!(
            message.starts_with("/etc/bilag/tenants.toml:") && message.contains(said),
            "{source}\n{message}"
        );
        assert!(!message.contains(SECRET), "{message}");
    }
}

#[test]
fn names_a_missing_file() {
    let error = Tenants::open("/nowhere/tenants.toml").expect_err("nothing is there");
    assert!(matches!(&error, TomlFileError::Unreadable { .. }));
    assert_eq!(error.to_string(), "/nowhere/tenants.toml cannot be read");
}

#[test]
fn reads_secrets_and_never_shows_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    let from = SecretFrom::File(path.clone());
    let missing = from.read().expect_err("no file");
    assert!(missing.to_string().contains("cannot be read"), "{missing}");
    std::fs::write(&path, " \n").expect("written");
    assert!(from.read().expect_err("nothing in it").to_string().contains("is empty"));
    std::fs::write(&path, "hunter2-secret\n").expect("written");
    let secret = from.read().expect("a secret");
    assert_eq!(&*secret.expose(), "hunter2-secret");
    assert!(!format!("{secret:?}").contains("hunter2"));
    let unset = SecretFrom::Env("BILAG_NO_SUCH_VARIABLE".to_owned()).read().expect_err("not set");
    assert!(unset.to_string().contains("BILAG_NO_SUCH_VARIABLE"), "{unset}");
}
