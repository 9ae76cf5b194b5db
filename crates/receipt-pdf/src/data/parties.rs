//! The store and the customer as template variables.

use events::{Address, OrderReceipt, Store, Text};
use minijinja::Value;

use super::Group;
use super::group::text;

pub(super) const STORE: [&str; 8] =
    ["name", "organizationNumber", "street", "postalCode", "city", "country", "phone", "email"];

pub(super) const CUSTOMER: [&str; 11] = [
    "name",
    "contact",
    "company",
    "vatNumber",
    "street",
    "postalCode",
    "city",
    "country",
    "email",
    "phone",
    "loyaltyId",
];

pub(super) fn store(store: &Store) -> Value {
    let of = |pick: fn(&Address) -> &Option<Text>| first([store.address.as_ref()], pick);
    Group::value(
        &STORE,
        [
            text(&store.name),
            text(&store.organization_number),
            of(|a| &a.address),
            of(|a| &a.postal_code),
            of(|a| &a.city),
            of(|a| &a.country_code),
            text(&store.phone),
            text(&store.email),
        ],
    )
}

/// Who the receipt is made out to: the invoice address before the order's, each as a whole, as on
/// the invoice; names and ways to reach people from the first that has them.
pub(super) fn customer(receipt: &OrderReceipt) -> Value {
    let both = [receipt.invoice_address.as_ref(), receipt.order.address.as_ref()];
    let address = [receipt.invoice_address.as_ref().or(receipt.order.address.as_ref())];
    let contact = receipt.contact_person.as_ref();
    let customer = receipt.customer.as_ref();
    let company = pick(both, |a| &a.company_name);
    let name = customer
        .and_then(|customer| customer.display_name.as_ref())
        .or_else(|| pick(both, |a| &a.display_name))
        .or_else(|| contact.and_then(|contact| contact.display_name.as_ref()));
    let person =
        contact.and_then(|contact| contact.display_name.as_ref()).filter(|person| Some(*person) != name);
    let email = contact.and_then(|contact| contact.email.as_ref()).or_else(|| pick(both, |a| &a.email));
    let phone = contact.and_then(|contact| contact.mobile.as_ref()).or_else(|| pick(both, |a| &a.mobile));
    Group::value(
        &CUSTOMER,
        [
            optional(name),
            optional(person),
            optional(company.filter(|company| Some(*company) != name)),
            first(both, |a| &a.vat_number),
            first(address, |a| &a.address),
            first(address, |a| &a.postal_code),
            first(address, |a| &a.city),
            first(address, |a| &a.country_code),
            optional(email),
            optional(phone),
            customer.map_or_else(|| Value::from(()), |customer| text(&customer.loyalty_id)),
        ],
    )
}

fn first<const N: usize>(addresses: [Option<&Address>; N], member: fn(&Address) -> &Option<Text>) -> Value {
    optional(pick(addresses, member))
}

fn pick<const N: usize>(
    addresses: [Option<&Address>; N],
    member: fn(&Address) -> &Option<Text>,
) -> Option<&Text> {
    addresses.into_iter().flatten().find_map(|address| member(address).as_ref())
}

fn optional(value: Option<&Text>) -> Value {
    value.map_or_else(|| Value::from(()), |value| super::group::string(value))
}
