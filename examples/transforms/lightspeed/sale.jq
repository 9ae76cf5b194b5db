# The sale in the field `payload` of the webhook sale.update, as a receipt or a return. A line's price, discount and
# tax are those of one piece; the price is without VAT and after the discount.

# What a sale does not say: set these.
def tenant: { uid: "7", name: "Bokvik AS", country: { code: "NO", currency: "NOK" } };
def store: { uid: .register_id, name: "Bokvik Sentrum", organizationNumber: "NO 912 345 678 MVA" };
# The rates that the store charges. A sale has the VAT of a piece, not its rate.
def rates: [0, 600, 1200, 1500, 2500];

def text: if . == null or . == "" then null else tostring end;
# The rate that is nearest to what the VAT is of the net amount.
def rate($net; $vat): if $net == 0 then 0 else rates | min_by(. - $vat * 10000 / $net | abs) end;
def kind: if . == "Cash" then "CASH" elif . == "Gift Card" then "GIFT_CARD" elif . == "Credit Card" then "CARD" else "OTHER" end;

# Open, parked and voided sales are no receipts.
select(.status == "CLOSED" or .status == "LAYBY_CLOSED" or .status == "ONACCOUNT_CLOSED")
| {
    tenant: tenant,
    orderReceipt: {
      uid: .id,
      voucherNumber: .invoice_number,
      createdAt: (.sale_date | timestamp("UTC")),
      settledAt: (.sale_date | timestamp("UTC")),
      order: {
        uid: (.return_for // .id),
        orderNumber: .invoice_number,
        type: (if .return_for then "RETURN" else "SALE" end),
        origin: "POS",
        store: store
      },
      orderTotals: {
        grandTotal: ((.total_price | tonumber) + (.total_tax | tonumber) | hundredths),
        vatTotal: (.total_tax | hundredths)
      },
      items: [
        .register_sale_products[]
        | (.quantity | tonumber) as $quantity
        | (.price | tonumber) as $price
        | (.tax | tonumber) as $tax
        | rate($price; $tax) as $rate
        # What rounding leaves of the price is in the discount: so on a return it is rounded up.
        | (($price + (.discount // 0 | tonumber)) * (1 + $rate / 10000) * 100
           | if $quantity < 0 then ceil else round end) as $unit
        | ($quantity * ($price + $tax) | hundredths) as $total
        | {
            uid: .id, sku: .product_id, name: ((.name | text) // .product_id),
            quantity: ($quantity | hundredths),
            unitPrice: $unit,
            discountAmount: (($quantity * $unit | round) - $total),
            total: $total, vatRate: $rate, vatAmount: ($quantity * $tax | hundredths)
          }
      ],
      settlements: [
        .register_sale_payments[]
        | {
            uid: .id, code: .retailer_payment_type_id, name: ((.name | text) // .retailer_payment_type_id),
            kind: (.name | kind), amount: (.amount | hundredths), state: "COMPLETED",
            settledAt: (.payment_date | timestamp("UTC"))
          }
      ],
      seller: { code: .user_name },
      customer: (if (.customer_id | text) then { uid: .customer_id } else null end)
    }
  }
