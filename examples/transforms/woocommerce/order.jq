# The order of the webhook order.updated, as a receipt. Its lines are without VAT, whether the shop's prices include
# it or not; the VAT stands beside them.

# What an order does not say: set these.
def tenant: { uid: "7", name: "Fjell og Tur AS", country: { code: "NO", currency: .currency } };
def store: { uid: "web", name: "Fjell og Tur nettbutikk", organizationNumber: "NO 912 345 678 MVA" };
# The rates that the shop charges. An order has the VAT of a line, not its rate.
def rates: [0, 600, 1200, 1500, 2500];

def text: if . == null or . == "" then null else tostring end;
# The rate that is nearest to what the VAT is of the net amount.
def rate($net; $vat): if $net == 0 then 0 else rates | min_by(. - $vat * 10000 / $net | abs) end;
# A line whose price before discount is $list. What rounding leaves is in the discount.
def item($sku; $name; $quantity; $list):
  (.total | hundredths) as $net
  | (.total_tax | hundredths) as $vat
  | ($list / $quantity | round) as $unit
  | {
      uid: "\(.id)", sku: $sku, name: $name,
      quantity: ($quantity * 100), unitPrice: $unit,
      discountAmount: ($quantity * $unit - $net - $vat),
      total: ($net + $vat), vatRate: rate($net; $vat), vatAmount: $vat
    };
def charge($sku; $name): item($sku; $name; 1; (.total | hundredths) + (.total_tax | hundredths));

# The webhook comes at every change: an order that is not paid, or was given up, is no receipt.
select(.status == "processing" or .status == "completed")
| select(.date_paid_gmt != null)
| (.date_created_gmt | timestamp("UTC")) as $created
| (.date_paid_gmt | timestamp("UTC")) as $paid
| {
    tenant: tenant,
    orderReceipt: {
      uid: "\(.id)",
      voucherNumber: .number,
      createdAt: $created,
      settledAt: $paid,
      order: {
        uid: "\(.id)", orderNumber: .number, type: "SALE", origin: "WEB", store: store,
        address: (.billing | {
          displayName: ([.first_name, .last_name] | map(text | values) | join(" ")), firstname: .first_name, lastname: .last_name,
          companyName: .company, address: .address_1, postalCode: .postcode, city: .city,
          countryCode: .country, email: .email, mobile: .phone
        })
      },
      orderTotals: { grandTotal: (.total | hundredths), vatTotal: (.total_tax | hundredths) },
      items: [
        (.line_items[]
          | item((.sku | text) // "\(.product_id)"; .name; .quantity;
                 (.subtotal | hundredths) + (.subtotal_tax | hundredths))),
        (.shipping_lines[] | charge("SHIPPING"; .method_title)),
        (.fee_lines[] | charge("FEE"; .name))
      ],
      settlements: [
        {
          uid: "\(.id)-1", code: .payment_method, name: ((.payment_method_title | text) // .payment_method),
          kind: (if .payment_method == "cod" then "CASH" else "OTHER" end),
          amount: (.total | hundredths),
          state: "COMPLETED", settledAt: $paid,
          transactionId: (.transaction_id | text)
        }
      ],
      customer: (if (.customer_id // 0) == 0 then null else { uid: "\(.customer_id)" } end)
    }
  }
