# Only paid orders: where a filter has no output, the message is acknowledged without an event.
select(.status == "paid")
| (.paid_at | timestamp("Europe/Oslo")) as $paid_at
| {
    tenant: { uid: "7", name: "Nordlys Sport AS", country: { code: "NO", currency: .currency } },
    orderReceipt: {
      uid: "rcpt-\(.number)",
      voucherNumber: "\(.number)",
      createdAt: $paid_at,
      settledAt: $paid_at,
      order: {
        uid: "ord-\(.number)",
        orderNumber: "6\(.number)",
        type: (if .kind == "refund" then "RETURN" else "SALE" end),
        origin: "WEB",
        store: { uid: "70", externalId: "NO-WEB", name: "Nordlys Sport nettbutikk" },
        address: (.customer // {} | {
          displayName: .name,
          email: (.email // "" | ascii_downcase),
          address: .address.street,
          postalCode: .address.zip,
          city: .address.city,
          countryCode: .address.country
        })
      },
      orderTotals: {
        grandTotal: (.total | hundredths),
        vatTotal: ([.lines[].vat | tonumber] | add | hundredths)
      },
      items: [.lines | to_entries[] | .key as $i | .value | {
        uid: "i\($i + 1)",
        sku,
        name: .title,
        quantity: (.quantity | hundredths),
        unitPrice: (.price | hundredths),
        discountAmount: (.discount // 0 | hundredths),
        total: (.amount | hundredths),
        vatRate: (.vat_percent | hundredths),
        vatAmount: (.vat | hundredths)
      }],
      settlements: [.payments[] | {
        uid: .reference,
        code: .method,
        name: (.method | ascii_upcase),
        kind: ({ card: "CARD", giftcard: "GIFT_CARD" }[.method] // "OTHER"),
        amount: (.amount | hundredths),
        state: "COMPLETED",
        settledAt: $paid_at,
        transactionId: .reference
      }]
    }
  }
