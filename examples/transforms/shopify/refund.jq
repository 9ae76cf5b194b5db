# The refund of the webhook refunds/create, as a return. Shopify writes what goes back as positive.

# What a refund does not say: set these.
def tenant($currency): { uid: "7", name: "Nordlys Hjem AS", country: { code: "NO", currency: $currency } };
def store: { uid: "web", name: "Nordlys Hjem nettbutikk", organizationNumber: "NO 912 345 678 MVA" };

def text: if . == null or . == "" then null else tostring end;
def kind:
  if . == "shopify_payments" then "CARD" elif . == "gift_card" then "GIFT_CARD" elif . == "cash" then "CASH"
  else "OTHER" end;

[.transactions[] | select(.kind == "refund" and .status != "failure" and .status != "error")] as $paid
| (add($paid[].amount | hundredths) // 0) as $total
| (add(.refund_line_items[].subtotal | hundredths) // 0) as $subtotal
| (add(.refund_line_items[].total_tax | hundredths) // 0) as $vat
# A refund does not say whether the shop's prices include VAT. What was paid back does.
| (if $total == $subtotal then true
   elif $total == $subtotal + $vat then false
   else error("transactions[].amount: neither the sum of subtotal nor that and total_tax") end) as $included
| {
    tenant: tenant($paid[0].currency),
    orderReceipt: {
      uid: "refund-\(.id)",
      voucherNumber: "R\(.id)",
      createdAt: .created_at,
      settledAt: .processed_at,
      order: { uid: "\(.order_id)", orderNumber: "\(.order_id)", type: "RETURN", origin: "WEB", store: store },
      orderTotals: { grandTotal: -$total, vatTotal: -$vat },
      items: [
        .refund_line_items[]
        | (add(.line_item.tax_lines[].rate) // 0) as $rate
        | (.line_item.price | hundredths) as $price
        | (.total_tax | hundredths) as $tax
        # Rounded up: what rounding leaves goes back as well, as a discount.
        | (if $included then { unit: $price, total: (.subtotal | hundredths) }
           else { unit: ($price * (1 + $rate) | ceil), total: ((.subtotal | hundredths) + $tax) } end) as $gross
        | {
            uid: "\(.id)",
            sku: ((.line_item.sku | text) // "\(.line_item_id)"),
            name: .line_item.name,
            quantity: (-100 * .quantity),
            unitPrice: $gross.unit,
            discountAmount: ($gross.total - .quantity * $gross.unit),
            total: -$gross.total, vatRate: ($rate * 10000 | round), vatAmount: -$tax
          }
      ],
      settlements: [
        $paid[]
        | {
            uid: "\(.id)", code: .gateway, name: .gateway, kind: (.gateway | kind),
            amount: -(.amount | hundredths),
            state: (if .status == "success" then "COMPLETED" else "PENDING" end),
            settledAt: .processed_at, transactionId: "\(.id)"
          }
      ]
    }
  }
