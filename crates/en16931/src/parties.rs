//! Seller, buyer and place of delivery.

use events::{Address, ReceiptSettled, Text};

use crate::Problem;
use crate::codes::{clean, is_country, legal_id, vat_id, vat_id_by_form};
use crate::missing::Reasons;

/// BG-4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seller {
    /// BT-27.
    pub(crate) name: String,
    /// BT-28.
    pub(crate) trading_name: Option<String>,
    /// BT-30, with its register's code.
    pub(crate) legal_id: Option<(String, Option<&'static str>)>,
    /// BT-31.
    pub(crate) vat_id: Option<String>,
    /// BT-33.
    pub(crate) legal_note: Option<String>,
    /// BG-5.
    pub(crate) address: Postal,
    /// BG-6.
    pub(crate) contact: Contact,
}

/// BG-7.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Buyer {
    /// BT-44.
    pub(crate) name: String,
    /// BT-47.
    pub(crate) legal_id: Option<(String, Option<&'static str>)>,
    /// BT-48.
    pub(crate) vat_id: Option<String>,
    /// BG-8.
    pub(crate) address: Postal,
    /// BG-9.
    pub(crate) contact: Contact,
}

/// BG-13.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// BT-70.
    pub(crate) name: Option<String>,
    /// BG-15.
    pub(crate) address: Postal,
}

/// A postal address; its country is always known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Postal {
    pub(crate) street: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) postal_code: Option<String>,
    pub(crate) country: String,
}

/// Whom to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) name: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) email: Option<String>,
}

impl Contact {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The legal entity: `issuer`, and from the store what it does not say. With category `O` no VAT identifier may
/// be written.
pub(crate) fn seller(event: &ReceiptSettled, categories: &[&str], reasons: &mut Reasons) -> Seller {
    let (store, issuer) = (&event.order_receipt.order.store, event.order_receipt.issuer.as_ref());
    let legal_name = cleaned(issuer.and_then(|issuer| issuer.legal_name.as_ref()));
    let cure = "set orderReceipt.issuer.legalName or tenant.name";
    let name = reasons.require(
        legal_name.or_else(|| cleaned(event.tenant.name.as_ref())),
        "BT-27",
        "the seller's name",
        cure,
    );
    let address = issuer.and_then(|issuer| issuer.address.as_ref()).or(store.address.as_ref());
    let country = address.and_then(|a| a.country_code.as_deref()).or(event.tenant.country.code.as_deref());
    let address = postal(address, country);
    let cure = "set orderReceipt.issuer.address.countryCode, orderReceipt.order.store.address.countryCode or \
                tenant.country.code to a code of ISO 3166-1, as in NO";
    known_country(&address, "BT-40", "the seller's country", cure, reasons);
    let country = Some(address.country.as_str());

    let typed = cleaned(issuer.and_then(|issuer| issuer.vat_id.as_ref()));
    let printed = cleaned(store.organization_number.as_ref());
    let printed_vat_id = printed.as_deref().and_then(|number| vat_id_by_form(number, country));
    let vat = match &typed {
        Some(typed) => vat_id(typed, country),
        None => printed_vat_id.clone(),
    };
    let legal = cleaned(issuer.and_then(|issuer| issuer.legal_id.as_ref()))
        .or_else(|| printed.filter(|_| printed_vat_id.is_none()))
        .or_else(|| Some(vat.as_ref()?.strip_prefix("NO")?.strip_suffix("MVA")?.to_owned()))
        .and_then(|number| legal_id(&number, country));
    let is_outside = categories.contains(&"O");
    if is_outside && legal.is_none() {
        let cure = "set orderReceipt.issuer.legalId";
        reasons.require::<String>(None, "BT-30", "the seller's legal registration identifier", cure);
    }
    if !is_outside && vat.is_none() {
        let cure = "set orderReceipt.issuer.vatId, with its country in front, as in NO912345678MVA";
        let (problem, what) = match typed {
            Some(_) => (Problem::Invalid, "the seller's VAT identifier is not one"),
            None => (Problem::Absent, "the seller's VAT identifier is missing"),
        };
        reasons.add(problem, "BT-31", what, cure);
    }
    let notes = issuer.map(|issuer| [&issuer.register_note, &issuer.tax_office]);
    let notes: Vec<_> = notes.into_iter().flatten().filter_map(|note| cleaned(note.as_ref())).collect();
    Seller {
        trading_name: cleaned(store.name.as_ref()).filter(|trading| *trading != name),
        name,
        legal_id: legal,
        vat_id: vat.filter(|_| !is_outside),
        legal_note: (!notes.is_empty()).then(|| notes.join("; ")),
        address,
        contact: Contact {
            name: None,
            phone: cleaned(store.phone.as_ref()),
            email: cleaned(store.email.as_ref()),
        },
    }
}

/// Whom the receipt is made out to: the invoice address before the order's, and the organisation before the
/// person.
pub(crate) fn buyer(event: &ReceiptSettled, categories: &[&str], reasons: &mut Reasons) -> Buyer {
    let receipt = &event.order_receipt;
    let addresses = [receipt.invoice_address.as_ref(), receipt.order.address.as_ref()];
    let pick = |member: fn(&Address) -> Option<&Text>| {
        addresses.into_iter().flatten().find_map(|address| cleaned(member(address)))
    };
    let contact = receipt.contact_person.as_ref();
    let person = cleaned(contact.and_then(|contact| contact.display_name.as_ref()));
    let name = pick(|a| a.company_name.as_ref())
        .or_else(|| cleaned(receipt.customer.as_ref().and_then(|customer| customer.display_name.as_ref())))
        .or_else(|| pick(|a| a.display_name.as_ref()))
        .or_else(|| person.clone());
    let cure = "set orderReceipt.invoiceAddress.companyName or orderReceipt.customer.displayName";
    let name = reasons.require(name, "BT-44", "the buyer's name", cure);

    let address = addresses.into_iter().flatten().find(|address| **address != Address::default());
    // An address without a country is a domestic one.
    let country = address.and_then(|a| a.country_code.as_deref().or(event.tenant.country.code.as_deref()));
    let address = postal(address, country);
    let cure = "set orderReceipt.invoiceAddress.countryCode or orderReceipt.order.address.countryCode to a code \
                of ISO 3166-1, as in NO";
    known_country(&address, "BT-55", "the buyer's country", cure, reasons);

    let number = pick(|a| a.vat_number.as_ref());
    let country = Some(address.country.as_str());
    let vat = number.as_deref().and_then(|number| {
        let has_country = number.trim_start().starts_with(|c: char| c.is_ascii_alphabetic());
        if has_country { vat_id(number, country) } else { vat_id_by_form(number, country) }
    });
    let legal = number.filter(|_| vat.is_none()).and_then(|number| legal_id(&number, country));
    let needs_vat_id = categories.contains(&"K") || categories.contains(&"AE") && legal.is_none();
    if needs_vat_id && vat.is_none() {
        let cure =
            "set orderReceipt.invoiceAddress.vatNumber, with its country in front, as in SE556000111101";
        let what = "the buyer's VAT identifier, which taxCategory AE and K need,";
        reasons.require::<String>(None, "BT-48", what, cure);
    }
    let email = cleaned(contact.and_then(|contact| contact.email.as_ref()));
    let phone = cleaned(contact.and_then(|contact| contact.mobile.as_ref()));
    Buyer {
        contact: Contact {
            name: person.filter(|person| *person != name),
            phone: phone.or_else(|| pick(|a| a.mobile.as_ref())),
            email: email.or_else(|| pick(|a| a.email.as_ref())),
        },
        name,
        legal_id: legal,
        vat_id: vat.filter(|_| !categories.contains(&"O")),
        address,
    }
}

/// Of what was sent: a package, or goods to another country of the EU.
pub(crate) fn deliver_to(
    event: &ReceiptSettled,
    categories: &[&str],
    reasons: &mut Reasons,
) -> Option<Place> {
    let is_within_eu = categories.contains(&"K");
    if event.package.is_none() && !is_within_eu {
        return None;
    }
    let receipt = &event.order_receipt;
    let addresses = [receipt.order.address.as_ref(), receipt.invoice_address.as_ref()];
    let address = addresses.into_iter().flatten().find(|address| **address != Address::default());
    let country = address.and_then(|a| a.country_code.as_deref().or(event.tenant.country.code.as_deref()));
    let name = address.and_then(|address| {
        cleaned(address.display_name.as_ref()).or_else(|| cleaned(address.company_name.as_ref()))
    });
    let place = Place { name, address: postal(address, country) };
    if is_within_eu {
        let cure = "set orderReceipt.order.address.countryCode to a code of ISO 3166-1, as in SE";
        known_country(&place.address, "BT-80", "the country of delivery", cure, reasons);
    }
    is_country(&place.address.country).then_some(place)
}

fn postal(address: Option<&Address>, country: Option<&str>) -> Postal {
    let member = |member: fn(&Address) -> Option<&Text>| cleaned(address.and_then(member));
    Postal {
        street: member(|a| a.address.as_ref()),
        city: member(|a| a.city.as_ref()),
        postal_code: member(|a| a.postal_code.as_ref()),
        country: country.unwrap_or_default().trim().to_ascii_uppercase(),
    }
}

fn known_country(address: &Postal, term: &'static str, what: &str, cure: &str, reasons: &mut Reasons) {
    if address.country.is_empty() {
        reasons.require::<String>(None, term, what, cure);
    } else if !is_country(&address.country) {
        reasons.add(Problem::Invalid, term, format!("{what} is not a known one"), cure);
    }
}

fn cleaned(text: Option<&Text>) -> Option<String> {
    text.and_then(|text| clean(text))
}
