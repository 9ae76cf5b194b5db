//! Seals as pyhanko and OpenSSL see them: nobody here wrote those. Keys and certificates are made anew each time.

mod support;

use chrono::{DateTime, Utc};
use pdf_seal::{Seal, SealError, TOKEN_ROOM};
use support::{Authority, Pki, archived_pdf, large_pdf, pdfsig, qpdf_check};

fn now() -> DateTime<Utc> {
    Utc::now()
}

#[test]
fn seals_of_both_kinds_of_keys_are_valid_and_trusted() {
    let pki = Pki::new();
    for kind in ["rsa", "p256"] {
        let (key, chain) = pki.signer(kind);
        let seal = Seal::from_pem(&key, &chain, None).expect("a seal");
        let pdf = archived_pdf();
        let sealed = seal.sign(&pdf, now(), 0).expect("signed").into_pdf().expect("a PDF");
        assert!(sealed.starts_with(&pdf), "the document stays as it was");

        let found = pki.validate(&sealed);
        for (member, expected) in [
            ("intact", "true"),
            ("valid", "true"),
            ("trusted", "true"),
            ("bottom_line", "true"),
            ("coverage", "\"ENTIRE_FILE\""),
            ("ades_basic", "\"AdESPassed.OK\""),
            ("subfilter", "\"/ETSI.CAdES.detached\""),
            ("attributes", "[\"content_type\", \"message_digest\", \"signing_certificate_v2\"]"),
            ("timestamp", "null"),
        ] {
            assert!(found.contains(&format!("\"{member}\": {expected}")), "{kind} {member}: {found}");
        }
        qpdf_check(&sealed);
        let found = pdfsig(&sealed);
        for expected in ["Signature is Valid", "Total document signed", "Signature Type: ETSI.CAdES.detached"]
        {
            assert!(found.contains(expected), "{kind}: {found}");
        }
    }
}

#[test]
fn a_timestamp_is_valid_and_trusted() {
    let pki = Pki::new();
    let (key, chain) = pki.signer("rsa");
    let seal = Seal::from_pem(&key, &chain, None).expect("a seal");
    let sealed = seal.sign(&archived_pdf(), now(), TOKEN_ROOM).expect("signed");
    for authority in [Authority::Pyhanko, Authority::OpenSsl] {
        let sealed = seal.sign(&archived_pdf(), now(), TOKEN_ROOM).expect("signed");
        let answer = pki.stamp(&sealed.timestamp_request().expect("a request"), authority);
        let stamped = sealed.with_timestamp(&answer).expect("a timestamp");
        let found = pki.validate(&stamped);
        for expected in [
            "\"bottom_line\": true",
            "\"coverage\": \"ENTIRE_FILE\"",
            "\"ades_basic\": \"AdESPassed.OK\"",
            "\"ades_with_time\": \"AdESPassed.OK\"",
            "\"timestamp\": {\"intact\": true, \"valid\": true, \"trusted\": true",
        ] {
            assert!(found.contains(expected), "{authority:?} {expected}: {found}");
        }
    }

    // One that is for another seal, one that is too large, and no timestamp at all.
    let other = seal.sign(&large_pdf(), now(), TOKEN_ROOM).expect("signed");
    let answer = pki.stamp(&other.timestamp_request().expect("a request"), Authority::Pyhanko);
    let refused = sealed.with_timestamp(&answer);
    assert!(matches!(refused, Err(SealError::OtherTimestamp)), "{refused:?}");
    let sealed = seal.sign(&large_pdf(), now(), 100).expect("signed");
    let answer = pki.stamp(&sealed.timestamp_request().expect("a request"), Authority::Pyhanko);
    let refused = sealed.with_timestamp(&answer);
    assert!(matches!(refused, Err(SealError::TokenTooLarge { room: 100, .. })), "{refused:?}");
    let refused = other.with_timestamp(b"<html>");
    assert!(matches!(refused, Err(SealError::TimestampResponse(_))), "{refused:?}");
}

#[test]
fn a_flipped_byte_is_found_out() {
    let pki = Pki::new();
    let (key, chain) = pki.signer("rsa");
    let seal = Seal::from_pem(&key, &chain, None).expect("a seal");
    let pdf = archived_pdf();
    let sealed = seal.sign(&pdf, now(), 0).expect("signed").into_pdf().expect("a PDF");
    let title = pdf.windows(9).position(|bytes| bytes == b"be sealed").expect("its title");
    let date = sealed.windows(4).rposition(|bytes| bytes == b"(D:2").expect("its time") + 7;
    for at in [title, date] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let found = pki.validate(&changed);
        assert!(found.contains("\"intact\": false") && found.contains("\"bottom_line\": false"), "{found}");
    }
}

#[test]
fn a_stranger_is_not_trusted() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let (key, chain) = theirs.signer("p256");
    let seal = Seal::from_pem(&key, &chain, None).expect("a seal");
    let sealed = seal.sign(&archived_pdf(), now(), 0).expect("signed").into_pdf().expect("a PDF");
    let found = ours.validate(&sealed);
    assert!(found.contains("\"intact\": true") && found.contains("\"trusted\": false"), "{found}");
}

#[test]
fn rsa_seals_alike_what_is_alike() {
    let pki = Pki::new();
    let (key, chain) = pki.signer("rsa");
    let seal = Seal::from_pem(&key, &chain, None).expect("a seal");
    let when = now();
    let sign = |pdf: &[u8], when| seal.sign(pdf, when, 0).expect("signed").into_pdf().expect("a PDF");
    assert_eq!(sign(&large_pdf(), when), sign(&large_pdf(), when));
    assert_ne!(sign(&large_pdf(), when), sign(&large_pdf(), when + chrono::Duration::seconds(1)));
}

#[test]
fn takes_a_sealed_document_and_one_with_a_cross_reference_stream() {
    let pki = Pki::new();
    let (key, chain) = pki.signer("rsa");
    let seal = Seal::from_pem(&key, &chain, None).expect("a seal");
    let once = seal.sign(&archived_pdf(), now(), 0).expect("signed").into_pdf().expect("a PDF");
    let twice = seal.sign(&once, now(), 0).expect("signed").into_pdf().expect("a PDF");
    assert!(twice.starts_with(&once));
    qpdf_check(&twice);

    let mut modern = Vec::new();
    let mut document = lopdf::Document::load_mem(&archived_pdf()).expect("a PDF");
    document.save_modern(&mut modern).expect("saved");
    let sealed = seal.sign(&modern, now(), 0).expect("signed").into_pdf().expect("a PDF");
    qpdf_check(&sealed);
    let found = pki.validate(&sealed);
    assert!(found.contains("\"bottom_line\": true"), "{found}");
}

#[test]
fn reads_every_form_of_a_key() {
    let pki = Pki::new();
    for kind in ["rsa", "p256"] {
        let (key, chain) = pki.signer(kind);
        for (form, file, password) in pki.forms(kind) {
            let seal =
                Seal::from_pem(&file, &chain, password).unwrap_or_else(|error| panic!("{form}: {error:?}"));
            assert_eq!(seal.subject(), format!("CN=Shop-{kind}"), "{form}");
        }
        let seal = Seal::from_pkcs12(&pki.pkcs12(kind, "hush"), "hush").expect("a seal");
        let sealed = seal.sign(&archived_pdf(), now(), 0).expect("signed").into_pdf().expect("a PDF");
        assert!(pki.validate(&sealed).contains("\"bottom_line\": true"), "PKCS#12 of {kind}");
        // The key and its certificates in one file, in whichever order.
        let together = [&chain[..], &key].concat();
        Seal::from_pem(&together, &together, None).expect("a seal");
    }
}

#[test]
fn refuses_what_cannot_seal_and_says_why() {
    let pki = Pki::new();
    let (key, chain) = pki.signer("rsa");
    let (other_key, _) = pki.signer("p256");
    let encrypted = pki.encrypted_key("rsa", "hush");
    let p12 = pki.pkcs12("rsa", "hush");
    let refused = |seal: Result<Seal, SealError>, expected: &str| {
        let text = seal.expect_err("refused").to_string();
        assert!(text.contains(expected) && !text.contains("hush") && !text.contains("wrong one"), "{text}");
    };
    refused(
        Seal::from_pem(&other_key, &chain, None),
        "belongs to none of the certificates, which are of CN=Root; CN=Shop-rsa",
    );
    refused(Seal::from_pem(&encrypted, &chain, None), "encrypted, and no password is set");
    refused(Seal::from_pem(&encrypted, &chain, Some("wrong one")), "the password is wrong");
    refused(Seal::from_pkcs12(&p12, "wrong one"), "the password is wrong");
    refused(Seal::from_pkcs12(b"no file", "hush"), "the file is not PKCS#12");
    refused(Seal::from_pem(&chain, &chain, None), "no section BEGIN PRIVATE KEY");
    refused(Seal::from_pem(&key, &key, None), "no section BEGIN CERTIFICATE");
    refused(Seal::from_pem(&pki.other_curve(), &chain, None), "P-256");
    let (key, chain) = pki.signer("tls");
    refused(Seal::from_pem(&key, &chain, None), "is not for signatures");
}

#[test]
fn an_expired_certificate_seals_nothing() {
    let pki = Pki::new();
    let (key, chain) = pki.signer("rsa");
    let seal = Seal::from_pem(&key, &chain, None).expect("a seal");
    let late = seal.expires() + chrono::Duration::seconds(1);
    for (when, expected) in [(late, "expired on"), (DateTime::UNIX_EPOCH, "is valid from")] {
        let text = seal.sign(&archived_pdf(), when, 0).expect_err("refused").to_string();
        assert!(text.contains(expected) && text.contains("CN=Shop-rsa"), "{text}");
    }
}

#[test]
fn its_debug_form_has_no_key() {
    let (key, chain) = Pki::new().signer("rsa");
    let seal = Seal::from_pem(&key, &chain, None).expect("a seal");
    let text = format!("{seal:?}");
    assert!(text.starts_with("Seal { subject: \"CN=Shop-rsa\", expires: ") && text.len() < 100, "{text}");
}

#[test]
fn refuses_what_is_no_pdf() {
    let (key, chain) = Pki::new().signer("rsa");
    let seal = Seal::from_pem(&key, &chain, None).expect("a seal");
    for bytes in [&b""[..], b"%PDF-1.7", b"no PDF at all"] {
        let refused = seal.sign(bytes, now(), 0).map(drop);
        assert!(matches!(refused, Err(SealError::Pdf(_))), "{refused:?}");
    }
}

/// veraPDF passes both the document and its seal as PDF/A-3u and PDF/UA-1; this is what it looks at.
#[test]
fn keeps_what_archives_and_screen_readers_ask_for() {
    let (key, chain) = Pki::new().signer("rsa");
    let seal = Seal::from_pem(&key, &chain, None).expect("a seal");
    for pdf in [archived_pdf(), large_pdf()] {
        let sealed = seal.sign(&pdf, now(), 0).expect("signed").into_pdf().expect("a PDF");
        let update = String::from_utf8_lossy(&sealed[pdf.len()..]);
        assert!(
            update.contains("/Rect[0 0 0 0]/F 132"),
            "it needs no appearance, and is not hidden: {update}"
        );
        assert!(update.contains("/TU(Electronic seal)") && update.contains("/Tabs/S"), "{update}");
        assert!(update.contains("/ID[(0123456789abcdef)<"), "the identifier stays, and changes: {update}");
        assert!(update.contains("\nxref\n0 1\n") && update.contains("/Prev "), "{update}");
    }
}
