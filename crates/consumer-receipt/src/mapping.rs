//! How invoices are mapped, by the installation and by each tenant.

use std::borrow::Cow;

use clap::Args;
use events::store_clock::Zone;
use events::{Invoice, ReceiptSettled};
use invoice::{CustomerTypes, Extra, Mapping};
use tenants::Tenant;

/// How invoices are mapped.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Receipts")]
pub struct MappingSettings {
    /// Prefix of property keys
    #[arg(
        long,
        alias = "property-prefix",
        env = "OMNIUM_PROPERTY_PREFIX",
        default_value = "flow",
        value_name = "PREFIX"
    )]
    omnium_property_prefix: String,
    /// What invoices say beyond the fields of Flow's page, if the receipt says it: isCreditNote, kid,
    /// referencedVoucherNumber, invoiceType, amountRoundoff, invoiceSenderAddress, externalIds [default: none]
    #[arg(long, env = "OMNIUM_INVOICE_EXTRAS", value_delimiter = ',', value_name = "NAMES")]
    omnium_invoice_extras: Vec<Extra>,
}

impl MappingSettings {
    /// The invoice of a receipt of this tenant. `zone` is the tenant's, for the dates of times in UTC.
    ///
    /// # Panics
    /// See [`invoice::map`].
    pub fn map(&self, event: &ReceiptSettled, tenant: Option<&Tenant>, zone: Option<Zone>) -> Invoice {
        let mapping = self.of(tenant);
        let mut event = Cow::Borrowed(event);
        if let Some(tenant) = tenant
            && mapping.extras.iter().any(|extra| extra.needs_facts())
        {
            tenant.facts.complete(event.to_mut(), zone);
        }
        invoice::map(&event, &mapping)
    }

    fn of(&self, tenant: Option<&Tenant>) -> Mapping {
        let of_installation = Mapping {
            prefix: self.omnium_property_prefix.clone(),
            extras: self.omnium_invoice_extras.iter().copied().collect(),
            ..Mapping::default()
        };
        let Some(own) = tenant else { return of_installation };
        let CustomerTypes { business, private } = of_installation.customer_types;
        Mapping {
            prefix: own.prefix.clone().unwrap_or(of_installation.prefix),
            extras: own.invoice_extras.clone().unwrap_or(of_installation.extras),
            payment_methods: own.payment_methods.clone(),
            customer_types: CustomerTypes {
                business: own.business.clone().unwrap_or(business),
                private: own.private.clone().unwrap_or(private),
            },
            property_keys: own.property_keys.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};
    use tenants::Tenants;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        mapping: MappingSettings,
    }

    const FILE: &str = r#"
[tenant.7]
prefix = "nordlys"
customer-types = { business = "Business" }
[tenant.7.facts]
legal-name = "Nordlys Sport AS"
kid = "mod10"
[tenant.7.payment-methods]
invoice30 = "Invoice"

[tenant.8]
invoice-extras = []
"#;

    /// What differs in the invoice of a sale to a business: by the tenant, and the settings of the installation.
    fn mapped(tenant: Option<&str>, settings: &[&str]) -> Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/samples/receipt-b2b.json");
        let mut event: Value =
            serde_json::from_slice(&std::fs::read(path).expect("the sample")).expect("JSON");
        event["tenant"]["country"] = json!({ "code": "NO", "currency": "NOK" });
        event["orderReceipt"]["settlements"][0]["code"] = json!("invoice30");
        let event = events::decode(event.to_string().as_bytes()).expect("a receipt");
        let tenants = Tenants::read(FILE, "tenants.toml".as_ref()).expect("no mistake");
        let mapping = Cli::parse_from([&["map"][..], settings].concat()).mapping;
        let invoice = mapping.map(&event, tenant.and_then(|uid| tenants.find(uid)), None);
        let invoice = serde_json::to_value(invoice).expect("an invoice becomes JSON");
        json!({
            "kid": invoice["kid"], "by": invoice["invoiceSenderAddress"]["name"],
            "credit": invoice["isCreditNote"], "type": invoice["customerType"],
            "group": invoice["properties"][0]["keyGroup"], "paid": invoice["payments"][0]["paymentMethodName"],
        })
    }

    #[test]
    fn tenant_has_its_own_mapping_and_inherits_the_rest() {
        const EXTRAS: [&str; 2] = ["--omnium-invoice-extras", "isCreditNote,kid,invoiceSenderAddress"];
        let plain = json!({
            "kid": null, "by": null, "credit": null, "type": "B2B", "group": "flow.Invoice", "paid": "invoice30",
        });
        assert_eq!(mapped(None, &[]), plain);
        assert_eq!(mapped(Some("8"), &EXTRAS), plain, "a list of its own, although empty");
        let without_facts = json!({
            "kid": null, "by": null, "credit": false, "type": "B2B", "group": "x.Invoice", "paid": "invoice30",
        });
        assert_eq!(mapped(None, &[&EXTRAS[..], &["--property-prefix", "x"]].concat()), without_facts);
        let own = json!({
            "kid": "20024", "by": "Nordlys Sport AS", "credit": false, "type": "Business",
            "group": "nordlys.Invoice", "paid": "Invoice",
        });
        assert_eq!(mapped(Some("7"), &EXTRAS), own);
    }
}
