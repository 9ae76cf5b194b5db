//! What the file says of itself in XMP: which standards it follows, and the same as its document information.

use chrono::{DateTime, FixedOffset};

use super::About;

pub(super) const CREATOR: &str = "Bilag";
pub(super) const PRODUCER: &str = "printpdf";

/// The name that readers of Factur-X and ZUGFeRD look for.
pub(super) const FACTUR_X_FILE: &str = "factur-x.xml";

/// A time as PDF writes it.
pub(super) fn date(moment: &DateTime<FixedOffset>) -> String {
    let offset = moment.format("%:z").to_string().replace(':', "'");
    format!("D:{}{offset}'", moment.format("%Y%m%d%H%M%S"))
}

/// The metadata, in XML (ISO 16684-1).
pub(super) fn xmp(about: &About<'_>) -> String {
    let mut out = String::with_capacity(3 * 1024);
    out.push_str(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\" \
         xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\" xmlns:pdfuaid=\"http://www.aiim.org/pdfua/ns/id/\" \
         xmlns:fx=\"urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#\" \
         pdfaid:part=\"3\" pdfaid:conformance=\"U\" pdfuaid:part=\"1\"",
    );
    let created = about.created.format("%Y-%m-%dT%H:%M:%S%:z");
    out.push_str(&format!(
        " xmp:CreatorTool=\"{CREATOR}\" pdf:Producer=\"{PRODUCER}\" xmp:CreateDate=\"{created}\" \
         xmp:ModifyDate=\"{created}\" xmp:MetadataDate=\"{created}\""
    ));
    if about.factur_x.is_some() {
        out.push_str(&format!(
            " fx:DocumentType=\"INVOICE\" fx:DocumentFileName=\"{FACTUR_X_FILE}\" fx:Version=\"1.0\" \
             fx:ConformanceLevel=\"EN 16931\""
        ));
    }
    out.push_str("><dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">");
    escape(about.title, &mut out);
    out.push_str("</rdf:li></rdf:Alt></dc:title>");
    if let Some(author) = about.author {
        out.push_str("<dc:creator><rdf:Seq><rdf:li>");
        escape(author, &mut out);
        out.push_str("</rdf:li></rdf:Seq></dc:creator>");
    }
    out.push_str("</rdf:Description>");
    out.push_str(SCHEMAS);
    out.push_str(if about.factur_x.is_some() { FACTUR_X_SCHEMA } else { "" });
    out.push_str(
        "</rdf:Bag></pdfaExtension:schemas></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>",
    );
    out
}

/// A PDF/A has to describe the members that its own standard does not know (ISO 19005-3, 6.6.2.3): first PDF/UA's.
const SCHEMAS: &str = "<rdf:Description rdf:about=\"\" xmlns:pdfaExtension=\"http://www.aiim.org/pdfa/ns/extension/\" \
     xmlns:pdfaSchema=\"http://www.aiim.org/pdfa/ns/schema#\" xmlns:pdfaProperty=\"http://www.aiim.org/pdfa/ns/property#\">\
     <pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType=\"Resource\"><pdfaSchema:schema>PDF/UA</pdfaSchema:schema>\
     <pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>\
     <pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq><rdf:li \
     pdfaProperty:name=\"part\" pdfaProperty:valueType=\"Integer\" pdfaProperty:category=\"internal\" \
     pdfaProperty:description=\"Part of ISO 14289\"/></rdf:Seq></pdfaSchema:property></rdf:li>";

/// Then Factur-X's.
const FACTUR_X_SCHEMA: &str = "<rdf:li rdf:parseType=\"Resource\"><pdfaSchema:schema>Factur-X</pdfaSchema:schema>\
     <pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#</pdfaSchema:namespaceURI>\
     <pdfaSchema:prefix>fx</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq>\
     <rdf:li pdfaProperty:name=\"DocumentFileName\" pdfaProperty:valueType=\"Text\" \
     pdfaProperty:category=\"external\" pdfaProperty:description=\"The name of the embedded file\"/>\
     <rdf:li pdfaProperty:name=\"DocumentType\" pdfaProperty:valueType=\"Text\" \
     pdfaProperty:category=\"external\" pdfaProperty:description=\"What the embedded file is\"/>\
     <rdf:li pdfaProperty:name=\"Version\" pdfaProperty:valueType=\"Text\" \
     pdfaProperty:category=\"external\" pdfaProperty:description=\"The version of the profile\"/>\
     <rdf:li pdfaProperty:name=\"ConformanceLevel\" pdfaProperty:valueType=\"Text\" \
     pdfaProperty:category=\"external\" pdfaProperty:description=\"The profile of the embedded file\"/>\
     </rdf:Seq></pdfaSchema:property></rdf:li>";

/// A text in XML. Characters that XML cannot hold become spaces.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
}
