# A refund, as GET orders/{id}/refunds/{id} answers, as a return. Its lines are negative, its amount is positive.

# What a refund does not say: set these.
def tenant: { uid: "7", name: "Fjell og Tur AS", country: { code: "NO", currency: "NOK" } };
def store: { uid: "web", name: "Fjell og Tur nettbutikk", organizationNumber: "NO 912 345 678 MVA" };
# The rates that the shop charges. A refund has the VAT of a line, not its rate.
def rates: [0, 600, 1200, 1500, 2500];

def text: if . == null or . == "" then null else tostring end;
# The rate that is nearest to what the VAT is of the net amount.
def rate($net; $vat): if $net == 0 then 0 else rates | min_by(. - $vat * 10000 / $net | abs) end;

(._links.up[0].href | split("/") | last) as $order
| (.date_created_gmt | timestamp("UTC")) as $created
| {
    tenant: tenant,
    orderReceipt: {
      uid: "refund-\(.id)",
      voucherNumber: "R\(.id)",
      createdAt: $created,
      settledAt: $created,
      order: { uid: $order, orderNumber: $order, type: "RETURN", origin: "WEB", store: store },
      orderTotals: {
        grandTotal: -(.amount | hundredths),
        vatTotal: (add(.line_items[].total_tax | hundredths) // 0)
      },
      items: [
        .line_items[]
        | (.total | hundredths) as $net
        | (.total_tax | hundredths) as $vat
        # Rounded up: what rounding leaves goes back as well, as a discount.
        | (($net + $vat) / .quantity | ceil) as $unit
        | {
            uid: "\(.id)", sku: ((.sku | text) // "\(.product_id)"), name: .name,
            quantity: (.quantity * 100), unitPrice: $unit,
            discountAmount: (.quantity * $unit - $net - $vat),
            total: ($net + $vat), vatRate: rate($net; $vat), vatAmount: $vat
          }
      ],
      settlements: [
        {
          uid: "refund-\(.id)-1", code: "refund", name: "Refund", kind: "OTHER",
          amount: -(.amount | hundredths),
          state: (if .refunded_payment then "COMPLETED" else "PENDING" end), settledAt: $created
        }
      ]
    }
  }
