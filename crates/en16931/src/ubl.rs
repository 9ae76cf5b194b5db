//! UBL 2.1 by the core of EN 16931: `Invoice`, or `CreditNote`. Not Peppol BIS Billing 3, which needs electronic
//! addresses of both parties that no receipt has.

use rust_decimal::Decimal;

use crate::amounts::{Adjustment, Breakdown, Line, Tax};
use crate::model::{Invoice, Kind};
use crate::parties::{Contact, Postal};
use crate::xml::Xml;

const COMPONENTS: [(&str, &str); 2] = [
    ("xmlns:cac", "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"),
    ("xmlns:cbc", "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"),
];

/// What is named differently in the two documents.
struct Names {
    root: &'static str,
    namespace: &'static str,
    type_code: &'static str,
    line: &'static str,
    quantity: &'static str,
}

const INVOICE: Names = Names {
    root: "Invoice",
    namespace: "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2",
    type_code: "cbc:InvoiceTypeCode",
    line: "cac:InvoiceLine",
    quantity: "cbc:InvoicedQuantity",
};

const CREDIT_NOTE: Names = Names {
    root: "CreditNote",
    namespace: "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2",
    type_code: "cbc:CreditNoteTypeCode",
    line: "cac:CreditNoteLine",
    quantity: "cbc:CreditedQuantity",
};

impl Invoice {
    /// In UBL 2.1.
    pub fn to_ubl(&self) -> String {
        write(self)
    }
}

fn write(invoice: &Invoice) -> String {
    let names = match invoice.kind {
        Kind::Invoice => &INVOICE,
        Kind::CreditNote => &CREDIT_NOTE,
    };
    let [aggregates, basics] = COMPONENTS;
    Xml::document(names.root, &[("xmlns", names.namespace), aggregates, basics], |xml| {
        header(xml, invoice, names);
        parties(xml, invoice);
        delivery(xml, invoice);
        payment(xml, invoice);
        for Adjustment { amount: adjustment, tax: of } in &invoice.adjustments {
            xml.group("cac:AllowanceCharge", |xml| {
                let is_charge = adjustment.is_sign_positive();
                xml.text("cbc:ChargeIndicator", if is_charge { "true" } else { "false" });
                xml.text("cbc:AllowanceChargeReason", "Rounding");
                amount(xml, invoice, "cbc:Amount", adjustment.abs());
                tax(xml, "cac:TaxCategory", *of, None);
            });
        }
        xml.group("cac:TaxTotal", |xml| {
            amount(xml, invoice, "cbc:TaxAmount", invoice.totals.vat);
            invoice.breakdown.iter().for_each(|row| vat(xml, invoice, row));
        });
        totals(xml, invoice);
        for (i, item) in invoice.lines.iter().enumerate() {
            line(xml, invoice, names, i + 1, item);
        }
    })
}

fn amount(xml: &mut Xml, invoice: &Invoice, name: &str, amount: Decimal) {
    xml.with(name, ("currencyID", &invoice.currency.code), invoice.currency.amount(amount));
}

fn header(xml: &mut Xml, invoice: &Invoice, names: &Names) {
    xml.text("cbc:CustomizationID", "urn:cen.eu:en16931:2017");
    xml.text("cbc:ID", &invoice.number);
    xml.text("cbc:IssueDate", invoice.issued_on.to_string());
    if invoice.kind == Kind::Invoice {
        xml.optional("cbc:DueDate", invoice.due_on.map(|day| day.to_string()));
    }
    xml.text(names.type_code, invoice.kind.code());
    xml.text("cbc:DocumentCurrencyCode", &invoice.currency.code);
    xml.optional("cbc:BuyerReference", invoice.buyer_reference.as_ref());
    if let Some(number) = &invoice.preceding {
        xml.group("cac:BillingReference", |xml| {
            xml.group("cac:InvoiceDocumentReference", |xml| xml.text("cbc:ID", number));
        });
    }
}

fn parties(xml: &mut Xml, invoice: &Invoice) {
    let (seller, buyer) = (&invoice.seller, &invoice.buyer);
    xml.group("cac:AccountingSupplierParty", |xml| {
        xml.group("cac:Party", |xml| {
            if let Some(name) = &seller.trading_name {
                xml.group("cac:PartyName", |xml| xml.text("cbc:Name", name));
            }
            postal(xml, "cac:PostalAddress", &seller.address);
            vat_id(xml, seller.vat_id.as_deref());
            xml.group("cac:PartyLegalEntity", |xml| {
                xml.text("cbc:RegistrationName", &seller.name);
                seller.legal_id.iter().for_each(|id| xml.id("cbc:CompanyID", id));
                xml.optional("cbc:CompanyLegalForm", seller.legal_note.as_ref());
            });
            contact(xml, &seller.contact);
        });
    });
    xml.group("cac:AccountingCustomerParty", |xml| {
        xml.group("cac:Party", |xml| {
            postal(xml, "cac:PostalAddress", &buyer.address);
            vat_id(xml, buyer.vat_id.as_deref());
            xml.group("cac:PartyLegalEntity", |xml| {
                xml.text("cbc:RegistrationName", &buyer.name);
                buyer.legal_id.iter().for_each(|id| xml.id("cbc:CompanyID", id));
            });
            contact(xml, &buyer.contact);
        });
    });
}

fn postal(xml: &mut Xml, name: &str, address: &Postal) {
    xml.group(name, |xml| {
        xml.optional("cbc:StreetName", address.street.as_ref());
        xml.optional("cbc:CityName", address.city.as_ref());
        xml.optional("cbc:PostalZone", address.postal_code.as_ref());
        xml.group("cac:Country", |xml| xml.text("cbc:IdentificationCode", &address.country));
    });
}

fn vat_id(xml: &mut Xml, id: Option<&str>) {
    if let Some(id) = id {
        xml.group("cac:PartyTaxScheme", |xml| {
            xml.text("cbc:CompanyID", id);
            scheme(xml);
        });
    }
}

fn scheme(xml: &mut Xml) {
    xml.group("cac:TaxScheme", |xml| xml.text("cbc:ID", "VAT"));
}

fn contact(xml: &mut Xml, contact: &Contact) {
    if contact.is_empty() {
        return;
    }
    xml.group("cac:Contact", |xml| {
        xml.optional("cbc:Name", contact.name.as_ref());
        xml.optional("cbc:Telephone", contact.phone.as_ref());
        xml.optional("cbc:ElectronicMail", contact.email.as_ref());
    });
}

fn delivery(xml: &mut Xml, invoice: &Invoice) {
    xml.group("cac:Delivery", |xml| {
        xml.text("cbc:ActualDeliveryDate", invoice.delivered_on.to_string());
        let Some(place) = &invoice.deliver_to else { return };
        xml.group("cac:DeliveryLocation", |xml| postal(xml, "cac:Address", &place.address));
        if let Some(name) = &place.name {
            xml.group("cac:DeliveryParty", |xml| {
                xml.group("cac:PartyName", |xml| xml.text("cbc:Name", name));
            });
        }
    });
}

/// A credit note's due date stands with its means of payment, and nowhere without one.
fn payment(xml: &mut Xml, invoice: &Invoice) {
    let Some(payment) = &invoice.payment else { return };
    xml.group("cac:PaymentMeans", |xml| {
        match &payment.text {
            Some(text) => xml.with("cbc:PaymentMeansCode", ("name", text), payment.code),
            None => xml.text("cbc:PaymentMeansCode", payment.code),
        }
        if invoice.kind == Kind::CreditNote {
            xml.optional("cbc:PaymentDueDate", invoice.due_on.map(|day| day.to_string()));
        }
        xml.optional("cbc:PaymentID", payment.reference.as_ref());
        let Some(account) = &payment.account else { return };
        xml.group("cac:PayeeFinancialAccount", |xml| {
            xml.text("cbc:ID", &account.id.0);
            if let Some(bic) = &account.bic {
                xml.group("cac:FinancialInstitutionBranch", |xml| xml.text("cbc:ID", bic));
            }
        });
    });
}

fn tax(xml: &mut Xml, name: &str, tax: Tax, row: Option<&Breakdown>) {
    xml.group(name, |xml| {
        xml.text("cbc:ID", tax.category);
        if tax.category != "O" {
            xml.text("cbc:Percent", tax.rate.to_string());
        }
        xml.optional("cbc:TaxExemptionReasonCode", row.and_then(|row| row.reason_code));
        xml.optional("cbc:TaxExemptionReason", row.and_then(|row| row.reason.as_ref()));
        scheme(xml);
    });
}

fn vat(xml: &mut Xml, invoice: &Invoice, row: &Breakdown) {
    xml.group("cac:TaxSubtotal", |xml| {
        amount(xml, invoice, "cbc:TaxableAmount", row.taxable);
        amount(xml, invoice, "cbc:TaxAmount", row.vat);
        tax(xml, "cac:TaxCategory", row.tax, Some(row));
    });
}

fn totals(xml: &mut Xml, invoice: &Invoice) {
    let totals = &invoice.totals;
    let optional = |xml: &mut Xml, name: &str, value: Decimal| {
        if !value.is_zero() {
            amount(xml, invoice, name, value);
        }
    };
    xml.group("cac:LegalMonetaryTotal", |xml| {
        amount(xml, invoice, "cbc:LineExtensionAmount", totals.lines);
        amount(xml, invoice, "cbc:TaxExclusiveAmount", totals.without_vat);
        amount(xml, invoice, "cbc:TaxInclusiveAmount", totals.with_vat);
        optional(xml, "cbc:AllowanceTotalAmount", totals.allowances);
        optional(xml, "cbc:ChargeTotalAmount", totals.charges);
        optional(xml, "cbc:PrepaidAmount", totals.paid);
        optional(xml, "cbc:PayableRoundingAmount", totals.rounding);
        amount(xml, invoice, "cbc:PayableAmount", totals.due);
    });
}

fn line(xml: &mut Xml, invoice: &Invoice, names: &Names, number: usize, line: &Line) {
    xml.group(names.line, |xml| {
        xml.text("cbc:ID", number.to_string());
        xml.with(names.quantity, ("unitCode", &line.unit), line.quantity.to_string());
        amount(xml, invoice, "cbc:LineExtensionAmount", line.net);
        if !line.discount.is_zero() {
            let is_charge = line.discount.is_sign_negative();
            xml.group("cac:AllowanceCharge", |xml| {
                xml.text("cbc:ChargeIndicator", if is_charge { "true" } else { "false" });
                if !is_charge {
                    xml.text("cbc:AllowanceChargeReasonCode", "95");
                }
                xml.text(
                    "cbc:AllowanceChargeReason",
                    if is_charge { "Discount reversed" } else { "Discount" },
                );
                amount(xml, invoice, "cbc:Amount", line.discount.abs());
            });
        }
        xml.group("cac:Item", |xml| {
            xml.text("cbc:Name", &line.name);
            if let Some(sku) = &line.sku {
                xml.group("cac:SellersItemIdentification", |xml| xml.text("cbc:ID", sku));
            }
            if let Some(gtin) = &line.gtin {
                xml.group("cac:StandardItemIdentification", |xml| {
                    xml.with("cbc:ID", ("schemeID", "0160"), gtin)
                });
            }
            tax(xml, "cac:ClassifiedTaxCategory", line.tax, None);
        });
        xml.group("cac:Price", |xml| {
            xml.with("cbc:PriceAmount", ("currencyID", &invoice.currency.code), line.price.to_string());
            if let Some(quantity) = line.price_quantity {
                xml.with("cbc:BaseQuantity", ("unitCode", &line.unit), quantity.to_string());
            }
        });
    });
}
