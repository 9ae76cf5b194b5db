# The order that RetrieveOrder answers with, as a receipt or a return. Amounts are in the currency's smallest unit,
# which is read as a hundredth here.

# What an order does not say: set these.
def tenant($currency): { uid: "7", name: "Ejemplo Hogar SL", country: { code: "ES", currency: $currency } };
def store: { uid: .location_id, name: "Ejemplo Hogar Centro", organizationNumber: "ESB00000000" };

def money: .amount // 0;
# A line, whose price before discount is $gross: VAT included if its taxes are INCLUSIVE, without it if ADDITIVE. What
# rounding leaves of the price is in the discount: so on a return it is rounded up.
def item($taxes; $gross; rounded):
  [(.applied_taxes // [])[].tax_uid as $uid | $taxes[] | select(.uid == $uid)] as $applied
  | (add($applied[].percentage | tonumber) // 0) as $rate
  | (if any($applied[]; .type == "ADDITIVE") then 1 + $rate / 100 else 1 end) as $factor
  | (.quantity | tonumber) as $quantity
  | ($gross / $quantity * $factor | rounded) as $unit
  | (.total_money | money) as $total
  | {
      uid: .uid,
      sku: (.catalog_object_id // .uid),
      name: ([.name, .variation_name] | map(select(. != null)) | join(" ")),
      quantity: ($quantity * 100 | round),
      unitPrice: $unit,
      discountAmount: (($quantity * $unit | round) - $total),
      total: $total, vatRate: ($rate * 100 | round), vatAmount: (.total_tax_money | money),
      unitCode: (if .quantity_unit.measurement_unit.weight_unit == "METRIC_KILOGRAM" then "KGM" else null end)
    };
def kind:
  if . == "CARD" or . == "CASH" then . elif . == "SQUARE_GIFT_CARD" then "GIFT_CARD" else "OTHER" end;

.order
| .taxes as $taxes
| (.returns // []) as $returns
| (if $returns != [] and (.line_items // []) != [] then error("an exchange: it has returns and line_items")
   elif $returns == [] then {
     type: "SALE", source: .id, grand: .total_money, vat: .total_tax_money,
     items: [.line_items[] | item($taxes // []; .gross_sales_money | money; round)],
     settlements: [
       .tenders[]
       | {
           uid: .id, code: .type, name: (.card_details.card.card_brand // .type), kind: (.type | kind),
           amount: (.amount_money | money), state: "COMPLETED", settledAt: .created_at, transactionId: .payment_id
         }
     ]
   } else {
     # Square writes what goes back as positive.
     type: "RETURN", source: $returns[0].source_order_id,
     grand: (.return_amounts.total_money | .amount |= -.), vat: (.return_amounts.tax_money | .amount |= -.),
     items: [
       $returns[]
       | .return_taxes as $taxes
       | .return_line_items[]
       | item($taxes // []; .gross_return_money | money; ceil)
       | .quantity |= -. | .discountAmount |= -. | .total |= -. | .vatAmount |= -.
     ],
     settlements: [
       .refunds[]
       | {
           uid: .id, code: "REFUND", name: "Refund", kind: "OTHER", amount: -(.amount_money | money),
           state: (if .status == "APPROVED" then "COMPLETED" else .status end), settledAt: .created_at,
           transactionId: .tender_id
         }
     ]
   } end) as $is
| {
    tenant: tenant($is.grand.currency),
    orderReceipt: {
      uid: .id,
      voucherNumber: (.reference_id // .id),
      createdAt: .created_at,
      settledAt: .closed_at,
      order: {
        uid: $is.source, orderNumber: (.reference_id // .id), type: $is.type,
        origin: (.source.name // "Square"), store: store
      },
      orderTotals: { grandTotal: ($is.grand | money), vatTotal: ($is.vat | money) },
      items: $is.items,
      settlements: $is.settlements,
      customer: (if .customer_id then { uid: .customer_id } else null end)
    }
  }
