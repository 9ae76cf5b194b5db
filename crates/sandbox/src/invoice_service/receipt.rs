//! The invoices that the stand-in makes: prices and customers are invented, and add up.

use chrono::Utc;
use events::{ReceiptSettled, ReceiptSettledType, Tenant, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::request::{Package, PackageItem};

/// In hundredths of a percent: 20 %.
const VAT_RATE: u64 = 2_000;

/// Makes the receipt that is the `n`th invoice of a package. Says what is wrong where the package
/// gives none that holds together.
pub(super) fn make(
    tenant: &Tenant,
    package: &Package,
    n: usize,
    voucher_number: u64,
) -> Result<ReceiptSettled, String> {
    let uid = format!("inv-{}-{n}", package.id);
    let now = Timestamp::from_utc(Utc::now());
    let items: Vec<(u64, Value)> = package.packageitem_set.iter().zip(1..).map(line).collect();
    let total: u64 = items.iter().map(|(total, _)| total).sum();
    let vat: u64 = items.iter().map(|(total, _)| vat_in(*total)).sum();
    let name = "Deniz Örnek";
    let receipt = json!({
        "id": format!("evt-{uid}"),
        "type": ReceiptSettledType::NAME,
        "occurredAt": now,
        "tenant": tenant,
        "orderReceipt": {
            "uid": uid,
            "voucherNumber": voucher_number.to_string(),
            "createdAt": now,
            "settledAt": now,
            "order": {
                "uid": package.order_number,
                "orderNumber": package.order_number,
                "type": "SALE",
                "origin": "WEB",
                "store": { "uid": package.stock_location.erp_code, "name": package.stock_location.name },
                "address": {
                    "displayName": name,
                    "firstname": "Deniz",
                    "lastname": "Örnek",
                    "address": "Örnek Sokak 1",
                    "postalCode": "35000",
                    "city": "İzmir",
                    "countryCode": "TR",
                    "email": "deniz@ornek.example",
                },
            },
            "orderTotals": {
                "grandTotal": total,
                "vatTotal": vat,
                "vat": [{ "rate": VAT_RATE, "net": total - vat, "vat": vat }],
            },
            "settlementTotal": total,
            "items": items.into_iter().map(|(_, line)| line).collect::<Vec<_>>(),
            "settlements": [{
                "uid": "s1",
                "code": "CreditCard",
                "name": "Kredi Kartı",
                "kind": "CARD",
                "amount": total,
                "state": "COMPLETED",
                "settledAt": now,
                "transactionId": format!("card-{voucher_number}"),
            }],
            "customer": { "uid": format!("c-{}", package.id), "type": "PERSON", "displayName": name },
        },
    });
    let receipt: ReceiptSettled =
        events::decode(receipt.to_string().as_bytes()).map_err(|error| error.to_string())?;
    receipt.check().map_err(|contradiction| contradiction.to_string())?;
    Ok(receipt)
}

/// What a line comes to, and the line.
fn line((item, n): (&PackageItem, u64)) -> (u64, Value) {
    let price = price_of(&item.sku);
    let total = price * item.quantity;
    let line = json!({
        "uid": format!("i{n}"),
        "sku": item.sku,
        "name": format!("Ürün {}", item.sku),
        "quantity": item.quantity * 100,
        "unitPrice": price,
        "discountAmount": 0,
        "total": total,
        "vatRate": VAT_RATE,
        "vatAmount": vat_in(total),
    });
    (total, line)
}

/// A price from 50.90 to 2999.90, the same whenever the article is the same.
fn price_of(sku: &str) -> u64 {
    let hash = Sha256::digest(sku.as_bytes());
    let number = u64::from(u16::from_be_bytes([hash[0], hash[1]]));
    (50 + number % 2_950) * 100 + 90
}

/// The VAT in an amount, rounded to its hundredth.
fn vat_in(total: u64) -> u64 {
    (total * VAT_RATE + (10_000 + VAT_RATE) / 2) / (10_000 + VAT_RATE)
}
