//! UN/CEFACT Cross Industry Invoice, by the profile EN 16931 of Factur-X 1.0 (ZUGFeRD 2).

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::amounts::{Adjustment, Breakdown, Line, Tax};
use crate::model::Invoice;
use crate::parties::{Contact, Postal};
use crate::xml::Xml;

const NAMESPACES: [(&str, &str); 4] = [
    ("xmlns:rsm", "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"),
    ("xmlns:ram", "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"),
    ("xmlns:qdt", "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"),
    ("xmlns:udt", "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"),
];

impl Invoice {
    /// In CII, by the profile EN 16931 of Factur-X and ZUGFeRD: what a PDF/A-3 embeds as `factur-x.xml`.
    pub fn to_cii(&self) -> String {
        write(self)
    }
}

fn write(invoice: &Invoice) -> String {
    Xml::document("rsm:CrossIndustryInvoice", &NAMESPACES, |xml| {
        xml.group("rsm:ExchangedDocumentContext", |xml| {
            xml.group("ram:GuidelineSpecifiedDocumentContextParameter", |xml| {
                xml.text("ram:ID", "urn:cen.eu:en16931:2017");
            });
        });
        xml.group("rsm:ExchangedDocument", |xml| {
            xml.text("ram:ID", &invoice.number);
            xml.text("ram:TypeCode", invoice.kind.code());
            date(xml, "ram:IssueDateTime", invoice.issued_on);
        });
        xml.group("rsm:SupplyChainTradeTransaction", |xml| {
            for (i, item) in invoice.lines.iter().enumerate() {
                line(xml, invoice, i + 1, item);
            }
            agreement(xml, invoice);
            delivery(xml, invoice);
            settlement(xml, invoice);
        });
    })
}

fn date(xml: &mut Xml, name: &str, day: NaiveDate) {
    xml.group(name, |xml| {
        xml.with("udt:DateTimeString", ("format", "102"), day.format("%Y%m%d").to_string())
    });
}

fn tax(xml: &mut Xml, tax: Tax) {
    xml.text("ram:TypeCode", "VAT");
    xml.text("ram:CategoryCode", tax.category);
    rate(xml, tax);
}

/// What is outside the scope of VAT has no rate.
fn rate(xml: &mut Xml, tax: Tax) {
    if tax.category != "O" {
        xml.text("ram:RateApplicablePercent", tax.rate.to_string());
    }
}

fn indicator(xml: &mut Xml, is_charge: bool) {
    xml.group("ram:ChargeIndicator", |xml| {
        xml.text("udt:Indicator", if is_charge { "true" } else { "false" })
    });
}

fn line(xml: &mut Xml, invoice: &Invoice, number: usize, line: &Line) {
    xml.group("ram:IncludedSupplyChainTradeLineItem", |xml| {
        xml.group("ram:AssociatedDocumentLineDocument", |xml| xml.text("ram:LineID", number.to_string()));
        xml.group("ram:SpecifiedTradeProduct", |xml| {
            if let Some(gtin) = &line.gtin {
                xml.with("ram:GlobalID", ("schemeID", "0160"), gtin);
            }
            xml.optional("ram:SellerAssignedID", line.sku.as_ref());
            xml.text("ram:Name", &line.name);
        });
        xml.group("ram:SpecifiedLineTradeAgreement", |xml| {
            xml.group("ram:NetPriceProductTradePrice", |xml| {
                xml.text("ram:ChargeAmount", line.price.to_string());
                if let Some(quantity) = line.price_quantity {
                    xml.with("ram:BasisQuantity", ("unitCode", &line.unit), quantity.to_string());
                }
            });
        });
        xml.group("ram:SpecifiedLineTradeDelivery", |xml| {
            xml.with("ram:BilledQuantity", ("unitCode", &line.unit), line.quantity.to_string());
        });
        xml.group("ram:SpecifiedLineTradeSettlement", |xml| {
            xml.group("ram:ApplicableTradeTax", |xml| tax(xml, line.tax));
            if !line.discount.is_zero() {
                let is_charge = line.discount.is_sign_negative();
                xml.group("ram:SpecifiedTradeAllowanceCharge", |xml| {
                    indicator(xml, is_charge);
                    xml.text("ram:ActualAmount", invoice.currency.amount(line.discount.abs()));
                    if !is_charge {
                        xml.text("ram:ReasonCode", "95");
                    }
                    xml.text("ram:Reason", if is_charge { "Discount reversed" } else { "Discount" });
                });
            }
            xml.group("ram:SpecifiedTradeSettlementLineMonetarySummation", |xml| {
                xml.text("ram:LineTotalAmount", invoice.currency.amount(line.net));
            });
        });
    });
}

fn agreement(xml: &mut Xml, invoice: &Invoice) {
    let (seller, buyer) = (&invoice.seller, &invoice.buyer);
    xml.group("ram:ApplicableHeaderTradeAgreement", |xml| {
        xml.optional("ram:BuyerReference", invoice.buyer_reference.as_ref());
        xml.group("ram:SellerTradeParty", |xml| {
            xml.text("ram:Name", &seller.name);
            xml.optional("ram:Description", seller.legal_note.as_ref());
            if seller.legal_id.is_some() || seller.trading_name.is_some() {
                xml.group("ram:SpecifiedLegalOrganization", |xml| {
                    seller.legal_id.iter().for_each(|id| xml.id("ram:ID", id));
                    xml.optional("ram:TradingBusinessName", seller.trading_name.as_ref());
                });
            }
            contact(xml, &seller.contact);
            postal(xml, &seller.address);
            vat_id(xml, seller.vat_id.as_deref());
        });
        xml.group("ram:BuyerTradeParty", |xml| {
            xml.text("ram:Name", &buyer.name);
            if let Some(id) = &buyer.legal_id {
                xml.group("ram:SpecifiedLegalOrganization", |xml| xml.id("ram:ID", id));
            }
            contact(xml, &buyer.contact);
            postal(xml, &buyer.address);
            vat_id(xml, buyer.vat_id.as_deref());
        });
        if let Some(order) = &invoice.sales_order {
            xml.group("ram:SellerOrderReferencedDocument", |xml| xml.text("ram:IssuerAssignedID", order));
        }
    });
}

fn contact(xml: &mut Xml, contact: &Contact) {
    if contact.is_empty() {
        return;
    }
    xml.group("ram:DefinedTradeContact", |xml| {
        xml.optional("ram:PersonName", contact.name.as_ref());
        if let Some(phone) = &contact.phone {
            xml.group("ram:TelephoneUniversalCommunication", |xml| xml.text("ram:CompleteNumber", phone));
        }
        if let Some(email) = &contact.email {
            xml.group("ram:EmailURIUniversalCommunication", |xml| xml.text("ram:URIID", email));
        }
    });
}

fn postal(xml: &mut Xml, address: &Postal) {
    xml.group("ram:PostalTradeAddress", |xml| {
        xml.optional("ram:PostcodeCode", address.postal_code.as_ref());
        xml.optional("ram:LineOne", address.street.as_ref());
        xml.optional("ram:CityName", address.city.as_ref());
        xml.text("ram:CountryID", &address.country);
    });
}

fn vat_id(xml: &mut Xml, id: Option<&str>) {
    if let Some(id) = id {
        xml.group("ram:SpecifiedTaxRegistration", |xml| xml.with("ram:ID", ("schemeID", "VA"), id));
    }
}

fn delivery(xml: &mut Xml, invoice: &Invoice) {
    xml.group("ram:ApplicableHeaderTradeDelivery", |xml| {
        if let Some(place) = &invoice.deliver_to {
            xml.group("ram:ShipToTradeParty", |xml| {
                xml.optional("ram:Name", place.name.as_ref());
                postal(xml, &place.address);
            });
        }
        xml.group("ram:ActualDeliverySupplyChainEvent", |xml| {
            date(xml, "ram:OccurrenceDateTime", invoice.delivered_on);
        });
    });
}

fn settlement(xml: &mut Xml, invoice: &Invoice) {
    let amount = |amount: Decimal| invoice.currency.amount(amount);
    xml.group("ram:ApplicableHeaderTradeSettlement", |xml| {
        xml.optional(
            "ram:PaymentReference",
            invoice.payment.as_ref().and_then(|payment| payment.reference.as_ref()),
        );
        xml.text("ram:InvoiceCurrencyCode", &invoice.currency.code);
        payment_means(xml, invoice);
        for row in &invoice.breakdown {
            vat(xml, row, amount);
        }
        for Adjustment { amount: adjustment, tax: of } in &invoice.adjustments {
            xml.group("ram:SpecifiedTradeAllowanceCharge", |xml| {
                indicator(xml, adjustment.is_sign_positive());
                xml.text("ram:ActualAmount", amount(adjustment.abs()));
                xml.text("ram:Reason", "Rounding");
                xml.group("ram:CategoryTradeTax", |xml| tax(xml, *of));
            });
        }
        if let Some(due) = invoice.due_on {
            xml.group("ram:SpecifiedTradePaymentTerms", |xml| date(xml, "ram:DueDateDateTime", due));
        }
        summation(xml, invoice, amount);
        if let Some(number) = &invoice.preceding {
            xml.group("ram:InvoiceReferencedDocument", |xml| xml.text("ram:IssuerAssignedID", number));
        }
    });
}

fn payment_means(xml: &mut Xml, invoice: &Invoice) {
    let Some(payment) = &invoice.payment else { return };
    xml.group("ram:SpecifiedTradeSettlementPaymentMeans", |xml| {
        xml.text("ram:TypeCode", payment.code);
        xml.optional("ram:Information", payment.text.as_ref());
        let Some(account) = &payment.account else { return };
        let (id, is_iban) = &account.id;
        xml.group("ram:PayeePartyCreditorFinancialAccount", |xml| {
            xml.text(if *is_iban { "ram:IBANID" } else { "ram:ProprietaryID" }, id);
        });
        if let Some(bic) = &account.bic {
            xml.group("ram:PayeeSpecifiedCreditorFinancialInstitution", |xml| xml.text("ram:BICID", bic));
        }
    });
}

fn vat(xml: &mut Xml, row: &Breakdown, amount: impl Fn(Decimal) -> String) {
    xml.group("ram:ApplicableTradeTax", |xml| {
        xml.text("ram:CalculatedAmount", amount(row.vat));
        xml.text("ram:TypeCode", "VAT");
        xml.optional("ram:ExemptionReason", row.reason.as_ref());
        xml.text("ram:BasisAmount", amount(row.taxable));
        xml.text("ram:CategoryCode", row.tax.category);
        xml.optional("ram:ExemptionReasonCode", row.reason_code);
        rate(xml, row.tax);
    });
}

fn summation(xml: &mut Xml, invoice: &Invoice, amount: impl Fn(Decimal) -> String) {
    let totals = &invoice.totals;
    let has = |is_charge: bool| invoice.adjustments.iter().any(|a| a.amount.is_sign_positive() == is_charge);
    xml.group("ram:SpecifiedTradeSettlementHeaderMonetarySummation", |xml| {
        xml.text("ram:LineTotalAmount", amount(totals.lines));
        xml.optional("ram:ChargeTotalAmount", has(true).then(|| amount(totals.charges)));
        xml.optional("ram:AllowanceTotalAmount", has(false).then(|| amount(totals.allowances)));
        xml.text("ram:TaxBasisTotalAmount", amount(totals.without_vat));
        xml.with("ram:TaxTotalAmount", ("currencyID", &invoice.currency.code), amount(totals.vat));
        xml.optional("ram:RoundingAmount", (!totals.rounding.is_zero()).then(|| amount(totals.rounding)));
        xml.text("ram:GrandTotalAmount", amount(totals.with_vat));
        xml.optional("ram:TotalPrepaidAmount", (!totals.paid.is_zero()).then(|| amount(totals.paid)));
        xml.text("ram:DuePayableAmount", amount(totals.due));
    });
}
