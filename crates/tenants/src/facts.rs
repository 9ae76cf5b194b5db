//! What the law asks of who issues a document, and a till need not send: a tenant's, and what differs by store.

use std::collections::BTreeMap;

use chrono::Days;
use config::{At, TomlReader};
use events::check_digit::{self, KidRule};
use events::store_clock::{self, Zone};
use events::{Address, Date, Issuer, Number, OrderType, PaymentAccount, ReceiptSettled, Text, Till};
use toml::de::DeValue;

/// A tenant's facts, and those of its stores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    own: Issued,
    /// By the uid of a store.
    stores: BTreeMap<String, Issued>,
}

/// Who issues documents, and how they are paid.
#[derive(Clone, Debug, Default, PartialEq)]
struct Issued {
    legal_name: Option<Text>,
    legal_id: Option<Text>,
    vat_id: Option<Text>,
    tax_office: Option<Text>,
    register_note: Option<Text>,
    street: Option<Text>,
    postal_code: Option<Text>,
    city: Option<Text>,
    country: Option<Text>,
    iban: Option<Number>,
    bic: Option<Number>,
    account: Option<Number>,
    /// Days from the receipt's date until what is invoiced is due.
    payment_days: Option<u16>,
    /// How a payment reference is made of the voucher number.
    kid: Option<KidRule>,
    till: Option<Number>,
    control_unit: Option<Number>,
}

impl Facts {
    /// Adds what the receipt itself does not say. What it says stays. `zone` is the tenant's, for times in UTC.
    pub fn complete(&self, event: &mut ReceiptSettled, zone: Option<Zone>) {
        let country = event.tenant.country.code.as_deref();
        let receipt = &mut event.order_receipt;
        let store = self.stores.get(&*receipt.order.store.uid);
        let all = store.into_iter().chain([&self.own]);
        let text = |of: fn(&Issued) -> &Option<Text>| all.clone().find_map(|issued| of(issued).clone());
        let number = |of: fn(&Issued) -> &Option<Number>| all.clone().find_map(|issued| of(issued).clone());

        let issuer = receipt.issuer.get_or_insert_default();
        let fill = |member: &mut Option<Text>, of| *member = member.take().or_else(|| text(of));
        fill(&mut issuer.legal_name, |facts| &facts.legal_name);
        fill(&mut issuer.legal_id, |facts| &facts.legal_id);
        fill(&mut issuer.vat_id, |facts| &facts.vat_id);
        fill(&mut issuer.tax_office, |facts| &facts.tax_office);
        fill(&mut issuer.register_note, |facts| &facts.register_note);
        // An address is one's or the other's: the parts of two make none.
        issuer.address = issuer.address.take().or_else(|| {
            let mut addresses = all.clone().map(|facts| Address {
                address: facts.street.clone(),
                postal_code: facts.postal_code.clone(),
                city: facts.city.clone(),
                country_code: facts.country.clone(),
                ..Address::default()
            });
            addresses.find(|address| *address != Address::default())
        });
        if *issuer == Issuer::default() {
            receipt.issuer = None;
        }

        let till = receipt.till.get_or_insert_default();
        till.number = till.number.take().or_else(|| number(|facts| &facts.till));
        till.control_unit = till.control_unit.take().or_else(|| number(|facts| &facts.control_unit));
        if *till == Till::default() {
            receipt.till = None;
        }

        if receipt.order.kind != OrderType::Sale || receipt.invoiced().get() <= 0 {
            return;
        }
        let account = receipt.payment_account.get_or_insert_default();
        // So is an account: the IBAN of one with the BIC of another pays nobody.
        if account.iban.is_none() && account.account.is_none() {
            let of = all.clone().find(|facts| facts.iban.is_some() || facts.account.is_some());
            let bic = account.bic.take();
            account.iban = of.and_then(|facts| facts.iban.clone());
            account.account = of.and_then(|facts| facts.account.clone());
            account.bic = bic.or_else(|| of.and_then(|facts| facts.bic.clone()));
        }
        let kid = all.clone().find_map(|facts| facts.kid);
        account.reference = account.reference.take().or_else(|| {
            kid.and_then(|kid| Number::new(check_digit::kid(kid, &receipt.voucher_number, None)?))
        });
        if *account == PaymentAccount::default() {
            receipt.payment_account = None;
        }
        receipt.due_date = receipt.due_date.or_else(|| {
            let days = all.clone().find_map(|facts| facts.payment_days)?;
            let created = store_clock::local(receipt.created_at.moment(), zone, country);
            created.date_naive().checked_add_days(Days::new(days.into())).map(Date::from)
        });
    }

    /// Reads `[tenant.7.facts]`, and of each store `[tenant.7.facts.store.70]`.
    pub(crate) fn read(table: &TomlReader<'_, '_>) -> Self {
        let Some(facts) = table.table("facts", "the facts") else { return Self::default() };
        let mut stores = BTreeMap::new();
        if let Some(tables) = facts.table("store", "the stores") {
            for (uid, value) in tables.entries() {
                match value {
                    DeValue::Table(store) => {
                        let what = format!("store {}", uid.value);
                        let store = TomlReader::new(facts.report(), store, uid.line, what);
                        stores.insert(uid.value.to_owned(), Issued::read(&store));
                        store.finish();
                    }
                    _ => facts
                        .report()
                        .add(uid.line, "a store's facts are a table, as in [tenant.7.facts.store.70]"),
                }
            }
        }
        let own = Issued::read(&facts);
        facts.finish();
        Self { own, stores }
    }
}

impl Issued {
    fn read(table: &TomlReader<'_, '_>) -> Self {
        let text = |key| {
            let At { value, line } = table.text(key)?;
            Text::new(value).filter(|_| !value.is_empty()).or_else(|| {
                table.refuse(key, line, "a text in quotes, not empty, of at most 1000 characters")
            })
        };
        let number = |key| {
            let At { value, line } = table.text(key)?;
            Number::new(value).or_else(|| {
                table.refuse(key, line, "a text in quotes, not empty, of at most 100 characters on one line")
            })
        };
        let iban = table.text("iban").and_then(|At { value, line }| {
            let iban = check_digit::compact(value);
            let right = Number::new(iban).filter(|iban| check_digit::is_iban(iban));
            right.or_else(|| table.refuse("iban", line, "an IBAN whose check digits are right"))
        });
        let kid = table.text("kid").and_then(|At { value, line }| {
            let wanted = "\"mod10\" or \"mod11\": how its check digit is made";
            KidRule::from_name(value).or_else(|| table.refuse("kid", line, wanted))
        });
        Self {
            legal_name: text("legal-name"),
            legal_id: text("legal-id"),
            vat_id: text("vat-id"),
            tax_office: text("tax-office"),
            register_note: text("register-note"),
            street: text("street"),
            postal_code: text("postal-code"),
            city: text("city"),
            country: text("country"),
            iban,
            bic: number("bic"),
            account: number("account"),
            payment_days: table.integer("payment-days", 0..=365),
            kid,
            till: number("till"),
            control_unit: number("control-unit"),
        }
    }
}
