# A record of pos.order, its `lines` and `payment_ids` replaced by the records of pos.order.line and pos.payment, as a
# receipt or a return. Odoo writes false for what is empty, [id, name] for what refers to another record, and UTC.

# What an order does not say: set these.
def tenant: { uid: "7", name: .company_id[1], country: { code: "NO", currency: .currency_id[1] } };
def store: { uid: "\(.config_id[0])", name: .config_id[1], organizationNumber: "NO 912 345 678 MVA" };
# The rates that the store charges. A line has amounts with and without VAT, and refers to its taxes.
def rates: [0, 600, 1200, 1500, 2500];

# The rate that is nearest to what the VAT is of the net amount.
def rate($net; $vat): if $net == 0 then 0 else rates | min_by(. - $vat * 10000 / $net | abs) end;
def kind: if . == "Cash" then "CASH" elif . == "Card" then "CARD" else "OTHER" end;

select(.state == "paid" or .state == "done" or .state == "invoiced")
| {
    tenant: tenant,
    orderReceipt: {
      uid: .uuid,
      voucherNumber: .pos_reference,
      createdAt: (.date_order | timestamp("UTC")),
      settledAt: (.date_order | timestamp("UTC")),
      order: {
        uid: "\(.id)", orderNumber: .name, type: (if .amount_total < 0 then "RETURN" else "SALE" end), origin: "POS",
        store: store
      },
      orderTotals: { grandTotal: (.amount_total | hundredths), vatTotal: (.amount_tax | hundredths) },
      items: [
        (.amount_total < 0) as $is_return
        | .lines[]
        | (.price_subtotal | hundredths) as $net
        | (.price_subtotal_incl | hundredths) as $total
        | rate($net; $total - $net) as $rate
        # price_unit is with or without VAT, as the tax says, to which the line only refers: the amounts decide.
        | (.qty * .price_unit * (1 - .discount / 100) | hundredths) as $charged
        | (if ($charged - $net | abs) <= ($charged - $total | abs) then .price_unit * (1 + $rate / 10000) else .price_unit end
           * 100) as $exact
        # What rounding leaves of the price is in the discount: so on a return it is rounded up.
        | ($exact | if $is_return then ceil else round end) as $unit
        | {
            uid: .uuid, sku: ((.product_id[1] | capture("^\\[(?<code>[^\\]]+)\\]").code) // "\(.product_id[0])"),
            name: .full_product_name,
            quantity: (.qty | hundredths),
            unitPrice: $unit,
            discountAmount: ((.qty * $unit | round) - $total),
            total: $total, vatRate: $rate, vatAmount: ($total - $net)
          }
      ],
      settlements: [
        .payment_ids[]
        | {
            uid: "\(.id)", code: "\(.payment_method_id[0])", name: .payment_method_id[1],
            kind: (if .is_change then "CASHBACK" else .payment_method_id[1] | kind end),
            amount: (.amount | hundredths), state: "COMPLETED", settledAt: (.payment_date | timestamp("UTC")),
            transactionId: (.transaction_id // null)
          }
      ],
      seller: { code: "\(.user_id[0])", name: .user_id[1] },
      customer: (if .partner_id then { uid: "\(.partner_id[0])", displayName: .partner_id[1] } else null end)
    }
  }
