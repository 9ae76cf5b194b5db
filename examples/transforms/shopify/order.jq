# The order of the webhook orders/paid, as a receipt.

# What an order does not say: set these.
def tenant: { uid: "7", name: "Nordlys Hjem AS", country: { code: "NO", currency: .currency } };
def store: { uid: "web", name: "Nordlys Hjem nettbutikk", organizationNumber: "NO 912 345 678 MVA" };

def text: if . == null or . == "" then null else tostring end;
def kind:
  if . == ["shopify_payments"] then "CARD" elif . == ["gift_card"] then "GIFT_CARD" elif . == ["cash"] then "CASH"
  else "OTHER" end;
# A line of the order, VAT included. Where the shop's prices are without it, the VAT comes on top.
def item($included; $sku; $name; $quantity):
  (.price | hundredths) as $price
  | (add(.tax_lines[].price | hundredths) // 0) as $vat
  | (add(.tax_lines[].rate) // 0) as $rate
  | ($quantity * $price - (add(.discount_allocations[].amount | hundredths) // 0)) as $charged
  | (if $included then { unit: $price, total: $charged }
     else { unit: ($price * (1 + $rate) | round), total: ($charged + $vat) } end) as $gross
  | {
      uid: "\(.id)", sku: $sku, name: $name,
      quantity: ($quantity * 100), unitPrice: $gross.unit,
      discountAmount: ($quantity * $gross.unit - $gross.total), total: $gross.total,
      vatRate: ($rate * 10000 | round), vatAmount: $vat
    };

.taxes_included as $included
| {
    tenant: tenant,
    orderReceipt: {
      uid: "\(.id)",
      voucherNumber: "\(.order_number)",
      createdAt: .created_at,
      settledAt: .processed_at,
      order: {
        uid: "\(.id)",
        orderNumber: "\(.order_number)",
        type: "SALE",
        origin: (if .source_name == "pos" then "POS" else "WEB" end),
        store: store,
        address: ({ email } + ((.billing_address // {}) | {
          displayName: .name, firstname: .first_name, lastname: .last_name, companyName: .company,
          address: .address1, postalCode: .zip, city: .city, countryCode: .country_code, mobile: .phone
        }))
      },
      orderTotals: { grandTotal: (.total_price | hundredths), vatTotal: (.total_tax | hundredths) },
      items: [
        (.line_items[] | item($included; (.sku | text) // "\(.id)"; .name; .quantity)),
        (.shipping_lines[] | item($included; (.code | text) // "SHIPPING"; .title; 1))
      ],
      # The order names its gateways, not what each of them took: one settlement for all.
      settlements: [
        {
          uid: "\(.id)-1",
          code: (.payment_gateway_names | join("+")),
          name: (.payment_gateway_names | join(" + ")),
          kind: (.payment_gateway_names | kind),
          amount: (.total_price | hundredths),
          state: (if .financial_status == "paid" then "COMPLETED" else "PENDING" end),
          settledAt: .processed_at
        }
      ],
      customer: (.customer // null | if . == null then null
        else { uid: "\(.id)", type: "PERSON", displayName: ([.first_name, .last_name] | map(text | values) | join(" ")) } end)
    }
  }
