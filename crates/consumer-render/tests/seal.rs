//! The seal's settings, and a timestamp authority that answers, and one that does not.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use amqp::{Failure, Reached, Reason};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use chrono::{DateTime, Duration, Utc};
use clap::Parser;
use consumer_render::{SealSettings, Sealer, SealingError};
use pdf_seal::SealError;
use receipt_pdf::Template;
use tempfile::TempDir;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    seal: SealSettings,
}

fn load(arguments: &[String]) -> Result<Option<Sealer>, String> {
    let cli = Cli::parse_from(["render".to_owned()].iter().chain(arguments));
    let debug = format!("{cli:?}");
    assert!(!debug.contains("hush"), "{debug}");
    cli.seal.load().map_err(|error| amqp::chain(&error))
}

/// Keys and certificates of OpenSSL in a folder that goes away.
struct Keys(TempDir);

impl Keys {
    fn new() -> Self {
        let keys = Self(tempfile::tempdir().expect("a folder"));
        let request = "req -x509 -newkey rsa:2048 -noenc -days 60 -addext keyUsage=critical,digitalSignature";
        keys.openssl(&format!("{request} -keyout seal.key -out seal.pem -subj /CN=Shop"));
        let stamping = "-addext extendedKeyUsage=critical,timeStamping";
        keys.openssl(&format!("{request} -keyout tsa.key -out tsa.pem -subj /CN=Authority {stamping}"));
        keys
    }

    fn openssl(&self, arguments: &str) {
        let done =
            Command::new("openssl").args(arguments.split_whitespace()).current_dir(self.0.path()).output();
        let done = done.expect("openssl");
        assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The arguments of a seal in PEM files, and others.
    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let (key, certificate) = (self.argument("key", "seal.key"), self.argument("certificate", "seal.pem"));
        [key, certificate].into_iter().chain(more.iter().map(ToString::to_string)).collect()
    }

    fn argument(&self, what: &str, name: &str) -> String {
        format!("--seal-{what}-file={}", self.path(name).display())
    }

    /// A certificate of `seal.key` that expired years ago.
    fn expired(&self) -> String {
        let settings = "[ca]\ndefault_ca = one\n[one]\ndatabase = index\nnew_certs_dir = .\nrand_serial = yes\n\
                        default_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n";
        fs::write(self.path("ca.cnf"), settings).expect("written");
        fs::write(self.path("index"), "").expect("written");
        self.openssl("req -new -key seal.key -subj /CN=Shop -out request.csr");
        let dates = "-startdate 20200101000000Z -enddate 20200201000000Z";
        self.openssl(&format!(
            "ca -config ca.cnf -batch -selfsign -keyfile seal.key -in request.csr {dates} -notext -out expired.pem"
        ));
        self.argument("certificate", "expired.pem")
    }

    fn stamp(&self, request: &[u8]) -> Vec<u8> {
        let settings = "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_cert = tsa.pem\nsigner_key = tsa.key\n\
                        signer_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256\n";
        fs::write(self.path("tsa.cnf"), settings).expect("written");
        fs::write(self.path("request.tsq"), request).expect("written");
        self.openssl("ts -reply -config tsa.cnf -queryfile request.tsq -out answer.tsr");
        fs::read(self.path("answer.tsr")).expect("an answer")
    }
}

fn pdf() -> Vec<u8> {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/samples/receipt-standard.json");
    let receipt = events::decode(&fs::read(sample).expect("a sample")).expect("a receipt");
    receipt_pdf::render(Template::builtin("a4").expect("built in"), &receipt).expect("a PDF").pdf
}

/// Whether there is an attribute of a timestamp in the signature: its identifier in hexadecimal.
fn is_stamped(sealed: &[u8]) -> bool {
    sealed.windows(26).any(|bytes| bytes == b"060b2a864886f70d010910020e")
}

#[test]
fn is_off_by_default() {
    assert!(load(&[]).expect("valid").is_none());
    assert!(load(&["--seal-timestamp-url=".to_owned()]).expect("empty is not set").is_none());
}

#[test]
fn refuses_settings_that_seal_nothing_and_names_them() {
    let keys = Keys::new();
    keys.openssl("pkcs12 -export -inkey seal.key -in seal.pem -out seal.p12 -passout pass:hush");
    keys.openssl("pkcs8 -topk8 -in seal.key -out encrypted.key -passout pass:hush");
    let p12 = keys.argument("pkcs12", "seal.p12");
    let encrypted = vec![keys.argument("key", "encrypted.key"), keys.argument("certificate", "seal.pem")];
    let with = |arguments: &[String], more: &str| [arguments, &[more.to_owned()]].concat();
    let pem = keys.arguments(&[]);
    for (arguments, expected) in [
        (vec![pem[0].clone()], "BILAG_SEAL_CERTIFICATE_FILE: needed with the key"),
        (vec![pem[1].clone()], "BILAG_SEAL_KEY_FILE: needed with the certificate"),
        (with(&pem, &p12), "BILAG_SEAL_PKCS12_FILE: the key and its certificates are in it"),
        (
            vec![p12.clone()],
            "BILAG_SEAL_PKCS12_FILE: the PKCS#12 file cannot be opened: the password is wrong",
        ),
        (encrypted.clone(), "the private key is encrypted, and no password is set"),
        (with(&encrypted, "--seal-password=hush hush"), "the password is wrong"),
        (vec!["--seal-password=hush".to_owned()], "BILAG_SEAL_PASSWORD: there is no seal that it is for"),
        (vec!["--seal-timestamp-url=http://tsa".to_owned()], "BILAG_SEAL_TIMESTAMP_URL: there is no seal"),
        (
            with(&pem, "--seal-timestamp-url=ftp://tsa"),
            "BILAG_SEAL_TIMESTAMP_URL: it is an http or https URL",
        ),
        (
            vec![keys.argument("key", "tsa.key"), keys.argument("certificate", "seal.pem")],
            "BILAG_SEAL_KEY_FILE and BILAG_SEAL_CERTIFICATE_FILE: the private key belongs to none of the certificates",
        ),
        (vec![pem[0].clone(), keys.expired()], "the certificate of CN=Shop expired on 2020-02-01"),
        (vec![keys.argument("pkcs12", "nowhere.p12")], "nowhere.p12 cannot be read"),
    ] {
        let error = load(&arguments).expect_err(expected);
        assert!(error.contains(expected) && !error.contains("hush"), "{error}");
    }
    for arguments in [pem, with(&encrypted, "--seal-password=hush"), with(&[p12], "--seal-password=hush")] {
        assert!(load(&arguments).expect("valid").is_some());
    }
}

#[tokio::test]
async fn the_same_event_gets_the_same_seal() {
    let keys = Keys::new();
    let sealer = load(&keys.arguments(&[])).expect("valid").expect("a seal");
    let (pdf, emitted) = (pdf(), Utc::now() - Duration::milliseconds(10));
    let sealed = sealer.seal(&pdf, emitted).await.expect("sealed");
    assert!(sealed.starts_with(&pdf) && !is_stamped(&sealed));
    assert_eq!(sealed, sealer.seal(&pdf, emitted).await.expect("sealed"));
    // The certificate is younger than this event, and this clock is behind that one's.
    for emitted in [DateTime::UNIX_EPOCH, Utc::now() + Duration::hours(1)] {
        let sealed = sealer.seal(&pdf, emitted).await.expect("sealed");
        let year = format!("(D:{}", Utc::now().format("%Y%m%d%H"));
        assert!(sealed.windows(year.len()).any(|bytes| bytes == year.as_bytes()));
    }
}

#[tokio::test]
async fn asks_the_timestamp_authority_and_learns_how_much_room_it_needs() {
    let keys = Arc::new(Keys::new());
    let authority = keys.clone();
    let answer = move |headers: HeaderMap, request: Bytes| async move {
        assert_eq!(headers["content-type"], "application/timestamp-query");
        authority.stamp(&request)
    };
    let url = serve(Router::new().route("/tsa", post(answer)));
    let arguments = keys.arguments(&[&format!("--seal-timestamp-url={url}/tsa")]);
    let sealer = load(&arguments).expect("valid").expect("a seal");
    let pdf = pdf();
    let first = sealer.seal(&pdf, Utc::now()).await.expect("sealed");
    let second = sealer.seal(&pdf, Utc::now()).await.expect("sealed");
    assert!(is_stamped(&first) && is_stamped(&second));
    assert!(second.len() + 10_000 < first.len(), "{} after {}", second.len(), first.len());
}

#[tokio::test]
async fn receipts_wait_for_a_timestamp_authority_that_does_not_answer() {
    let keys = Keys::new();
    let router = Router::new()
        .route("/busy", post(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .route("/refuses", post(|| async { StatusCode::BAD_REQUEST }))
        .route("/page", post(|| async { "<html>" }));
    let url = serve(router);
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number");
    let nobody = format!("http://{nobody}");
    for (url, expected) in [
        (format!("{url}/busy"), Reached::Perhaps),
        (format!("{url}/refuses"), Reached::Perhaps),
        (format!("{url}/nowhere"), Reached::Perhaps),
        (format!("{url}/page"), Reached::Perhaps),
        (nobody, Reached::Never),
    ] {
        let arguments = keys.arguments(&[&format!("--seal-timestamp-url={url}")]);
        let sealer = load(&arguments).expect("valid").expect("a seal");
        let failure = Failure::from(sealer.seal(&pdf(), Utc::now()).await.expect_err("no timestamp"));
        assert!(
            matches!(&failure, Failure::Unavailable { reached, reason: Reason::RETRIES_EXHAUSTED, .. }
                if *reached == expected),
            "{url}: {failure:?}"
        );
        assert!(failure.chain().contains("the timestamp authority"), "{}", failure.chain());
    }
}

#[test]
fn an_expired_certificate_holds_the_stage_and_a_wrong_pdf_is_a_dead_letter() {
    let expired = SealError::Expired { subject: "CN=Shop".to_owned(), until: Utc::now() };
    let failure = Failure::from(SealingError::from(expired));
    assert!(matches!(failure, Failure::Unavailable { reached: Reached::Never, .. }), "{failure:?}");
    let failure = Failure::from(SealingError::from(SealError::UnsupportedPdf("it is encrypted")));
    assert!(matches!(failure, Failure::Reject { .. }), "{failure:?}");
}

/// Serves until the test ends; answers the URL.
fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("as tokio wants it");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// What veraPDF, which nobody here wrote, says of a sealed receipt.
#[tokio::test]
async fn a_sealed_receipt_stays_pdf_a_and_pdf_ua() {
    let keys = Keys::new();
    let sealer = load(&keys.arguments(&[])).expect("a key and its certificate").expect("a sealer");
    let sample = include_bytes!("../../../tests/samples/receipt-standard.json");
    let template = Template::builtin("a4").expect("a template that comes with the crate");
    let pdf = receipt_pdf::render(template, &events::decode(sample).expect("the sample")).expect("a PDF").pdf;
    let sealed = sealer.seal(&pdf, Utc::now()).await.expect("a seal");
    assert!(sealed.starts_with(&pdf) && sealed.len() > pdf.len());
    let file = keys.path("sealed.pdf");
    fs::write(&file, sealed).expect("written");
    let verapdf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/verapdf/verapdf.sh");
    for flavour in ["3u", "ua1"] {
        let said = Command::new(&verapdf).arg(flavour).arg(&file).output().expect("veraPDF");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert_eq!(said, format!("{flavour}: 1 passed, 0 failed\n"));
    }
    let checked = Command::new("qpdf").arg("--check").arg(&file).output().expect("qpdf");
    assert!(checked.status.success(), "{checked:?}");
}
