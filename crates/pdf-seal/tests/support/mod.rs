//! A test authority made with OpenSSL, documents, and the validators.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lopdf::xref::XrefType;
use lopdf::{Document, Object, Stream, dictionary};
use tempfile::{NamedTempFile, TempDir};

/// What `dev/python.sh` is asked for.
const PYTHON: [&str; 2] = ["pyhanko==0.38.0", "pyhanko-certvalidator==0.33.0"];

/// What OpenSSL answers requests for timestamps by.
const TSA_SETTINGS: &str = "\
[tsa]
default_tsa = one
[one]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1, millisecs:500
clock_precision_digits = 3
ordering = yes
tsa_name = yes
";

/// A root, and what it certifies.
pub(crate) struct Pki {
    folder: TempDir,
}

/// Whose timestamps.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Authority {
    Pyhanko,
    OpenSsl,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let pki = Self { folder: tempfile::tempdir().expect("a folder") };
        pki.openssl(
            "req -x509 -newkey rsa:2048 -noenc -keyout root.key -out root.pem -days 30 -subj /CN=Root \
             -addext keyUsage=critical,keyCertSign",
        );
        pki
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a file of the authority")
    }

    fn openssl(&self, arguments: &str) {
        run(Command::new("openssl").args(arguments.split_whitespace()).current_dir(self.folder.path()));
    }

    /// The key and the chain of a signer, made once.
    pub(crate) fn signer(&self, kind: &str) -> (Vec<u8>, Vec<u8>) {
        let (algorithm, extensions) = match kind {
            "rsa" => ("rsa:2048", "keyUsage=critical,digitalSignature,nonRepudiation"),
            "p256" => ("ec -pkeyopt ec_paramgen_curve:P-256", "keyUsage=critical,nonRepudiation"),
            "tls" => ("rsa:2048", "keyUsage=critical,keyEncipherment"),
            "tsa" => {
                ("rsa:2048", "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping")
            }
            other => panic!("no kind of signer: {other}"),
        };
        if !self.path(&format!("{kind}.chain")).exists() {
            fs::write(self.path("extensions"), extensions).expect("written");
            self.openssl(&format!(
                "req -newkey {algorithm} -noenc -keyout {kind}.key -out request -subj /CN=Shop-{kind}"
            ));
            self.openssl(&format!(
                "x509 -req -in request -CA root.pem -CAkey root.key -days 10 -extfile extensions -out {kind}.pem"
            ));
            // The signer's is not the first.
            let chain = [self.read("root.pem"), self.read(&format!("{kind}.pem"))].concat();
            fs::write(self.path(&format!("{kind}.chain")), chain).expect("written");
        }
        (self.read(&format!("{kind}.key")), self.read(&format!("{kind}.chain")))
    }

    /// The key of a signer in PKCS#8, encrypted.
    pub(crate) fn encrypted_key(&self, kind: &str, password: &str) -> Vec<u8> {
        self.signer(kind);
        self.openssl(&format!("pkcs8 -topk8 -in {kind}.key -out encrypted.key -passout pass:{password}"));
        self.read("encrypted.key")
    }

    /// The key of a signer in every form that OpenSSL writes, with its password.
    pub(crate) fn forms(&self, kind: &str) -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
        let encrypted = self.encrypted_key(kind, "hush");
        self.openssl(&format!("pkey -in {kind}.key -traditional -out traditional.key"));
        let traditional = self.read("traditional.key");
        let parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        let with_parameters = [&parameters[..], &traditional].concat();
        vec![
            ("PKCS#8", self.read(&format!("{kind}.key")), None),
            ("PKCS#8 with a password that is not needed", self.read(&format!("{kind}.key")), Some("hush")),
            ("encrypted PKCS#8", encrypted, Some("hush")),
            ("PKCS#1 or SEC1", traditional, None),
            ("the same below its parameters", with_parameters, None),
        ]
    }

    pub(crate) fn pkcs12(&self, kind: &str, password: &str) -> Vec<u8> {
        self.signer(kind);
        self.openssl(&format!(
            "pkcs12 -export -inkey {kind}.key -in {kind}.pem -certfile root.pem -out file.p12 \
             -passout pass:{password}"
        ));
        self.read("file.p12")
    }

    /// A key that no seal takes.
    pub(crate) fn other_curve(&self) -> Vec<u8> {
        self.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out other.key");
        self.read("other.key")
    }

    /// What an authority answers to a request for a timestamp.
    pub(crate) fn stamp(&self, request: &[u8], authority: Authority) -> Vec<u8> {
        self.signer("tsa");
        fs::write(self.path("request.tsq"), request).expect("written");
        match authority {
            Authority::Pyhanko => {
                let files = ["tsa.key", "tsa.pem", "request.tsq", "answer.tsr"].map(|name| self.path(name));
                python("timestamp.py", &files.each_ref().map(PathBuf::as_path));
            }
            Authority::OpenSsl => {
                fs::write(self.path("tsa.cnf"), TSA_SETTINGS).expect("written");
                self.openssl("ts -reply -config tsa.cnf -queryfile request.tsq -out answer.tsr");
            }
        }
        self.read("answer.tsr")
    }

    /// What pyhanko says of a seal to one who trusts the root: JSON, each member as `"name": value`.
    pub(crate) fn validate(&self, pdf: &[u8]) -> String {
        let file = self.path("sealed.pdf");
        fs::write(&file, pdf).expect("written");
        python("validate.py", &[&self.path("root.pem"), &file])
    }
}

fn python(script: &str, arguments: &[&Path]) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = run(Command::new(here.join("../../dev/python.sh")).args(PYTHON));
    run(Command::new(program.trim()).arg(here.join("tests/python").join(script)).args(arguments))
}

/// What a program that succeeds prints.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// qpdf finds nothing wrong with the file.
pub(crate) fn qpdf_check(pdf: &[u8]) {
    run(Command::new("qpdf").arg("--check").arg(written(pdf).path()));
}

/// What poppler says of the seals, whoever issued their certificates.
pub(crate) fn pdfsig(pdf: &[u8]) -> String {
    run(Command::new("pdfsig").arg("-nocert").arg(written(pdf).path()))
}

fn written(pdf: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    fs::write(file.path(), pdf).expect("written");
    file
}

/// A document of PDF/A-3u and PDF/UA-1, with a page on which there is nothing.
pub(crate) fn archived_pdf() -> Vec<u8> {
    const METADATA: &str = r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">To be sealed</rdf:li></rdf:Alt></dc:title>
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>U</pdfaid:conformance><pdfuaid:part>1</pdfuaid:part>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix><pdfaSchema:schema>PDF/UA</pdfaSchema:schema>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category><pdfaProperty:description>Part</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"#;
    let mut document = Document::with_version("1.7");
    // As receipts have it.
    document.reference_table.cross_reference_type = XrefType::CrossReferenceTable;
    let metadata = dictionary! { "Type" => "Metadata", "Subtype" => "XML" };
    let metadata = document.add_object(Stream::new(metadata, METADATA.into()));
    let structure = document.add_object(dictionary! { "Type" => "StructTreeRoot" });
    let content = document.add_object(Stream::new(dictionary! {}, Vec::new()));
    let pages = document.new_object_id();
    let page = document.add_object(dictionary! {
        "Type" => "Page",
        "Parent" => pages,
        "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        "Contents" => content,
        "Resources" => dictionary! {},
    });
    let kids = vec![page.into()];
    document.set_object(pages, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => 1 });
    let catalog = document.add_object(dictionary! {
        "Type" => "Catalog",
        "Pages" => pages,
        "Metadata" => metadata,
        "StructTreeRoot" => structure,
        "MarkInfo" => dictionary! { "Marked" => true },
        "ViewerPreferences" => dictionary! { "DisplayDocTitle" => true },
        "Lang" => Object::string_literal("en"),
    });
    let identifier = Object::string_literal("0123456789abcdef");
    document.trailer.set("Root", catalog);
    document.trailer.set("ID", vec![identifier.clone(), identifier]);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).expect("written");
    bytes
}

/// A receipt's size, and its form and annotations are references.
pub(crate) fn large_pdf() -> Vec<u8> {
    let mut document = Document::load_mem(&archived_pdf()).expect("a PDF");
    let page_id = document.page_iter().next().expect("a page");
    let annotations = document.add_object(Vec::<Object>::new());
    let form = document.add_object(dictionary! { "Fields" => Vec::<Object>::new() });
    document.add_object(Stream::new(dictionary! {}, vec![b' '; 10_000]));
    document.get_dictionary_mut(page_id).expect("a page").set("Annots", annotations);
    document.catalog_mut().expect("a catalog").set("AcroForm", form);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).expect("written");
    bytes
}
