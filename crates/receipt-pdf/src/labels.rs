//! The words of the built-in templates, in every language. Templates may replace them or add more.

use crate::language::Language;

/// A label's key, and its words in the order of [`Language::ALL`].
pub(crate) type Row = (&'static str, [&'static str; 6]);

/// The label in a language; `None` where there is no such key.
pub(crate) fn label(key: &str, language: Language) -> Option<&'static str> {
    LABELS.iter().find(|(name, _)| *name == key).map(|(_, words)| words[language.index()])
}

#[rustfmt::skip]
pub(crate) const LABELS: [Row; 58] = [
    //                      nb                              sv                       da                       fi                         en                        tr
    ("account",             ["Kontonr.",                     "Bankkonto",             "Kontonr.",              "Tilinumero",              "Account no.",            "Hesap no."]),
    ("amount",              ["Beløp",                        "Belopp",                "Beløb",                 "Summa",                   "Amount",                 "Tutar"]),
    ("amountPaid",          ["Betalt beløp",                 "Betalt belopp",         "Betalt beløb",          "Maksettu summa",          "Amount paid",            "Ödenen tutar"]),
    ("article",             ["Varenr.",                      "Artikelnr",             "Varenr.",               "Tuotenro",                "Item no.",               "Ürün no."]),
    ("barcode",             ["Strekkode",                    "Streckkod",             "Stregkode",             "Viivakoodi",              "Barcode",                "Barkod"]),
    ("buyerReference",      ["Deres ref.",                   "Er referens",           "Deres ref.",            "Viitteenne",              "Your reference",         "Referansınız"]),
    ("cashRounding",        ["Øreavrunding",                 "Öresavrundning",        "Øreafrunding",          "Pyöristys",               "Cash rounding",          "Yuvarlama"]),
    ("controlUnit",         ["Kontrollenhet",                "Kontrollenhet",         "Kontrolenhed",          "Valvontayksikkö",         "Control unit",           "Kontrol birimi"]),
    ("copy",                ["KOPI",                         "KOPIA",                 "KOPI",                  "KOPIO",                   "COPY",                   "KOPYA"]),
    ("creditNoteTitle",     ["Kreditnota",                   "Kreditfaktura",         "Kreditnota",            "Hyvityslasku",            "Credit note",            "İade bilgi fişi"]),
    ("customer",            ["Kunde",                        "Kund",                  "Kunde",                 "Asiakas",                 "Customer",               "Müşteri"]),
    ("date",                ["Dato",                         "Datum",                 "Dato",                  "Päiväys",                 "Date",                   "Tarih"]),
    ("delivered",           ["Leveringsdato",                "Leveransdatum",         "Leveringsdato",         "Toimituspäivä",           "Delivery date",          "Teslim tarihi"]),
    ("deliveryAddress",     ["Leveringsadresse",             "Leveransadress",        "Leveringsadresse",      "Toimitusosoite",          "Delivery address",       "Teslimat adresi"]),
    ("description",         ["Beskrivelse",                  "Beskrivning",           "Beskrivelse",           "Kuvaus",                  "Description",            "Açıklama"]),
    ("discount",            ["Rabatt",                       "Rabatt",                "Rabat",                 "Alennus",                 "Discount",               "İndirim"]),
    ("dueDate",             ["Forfallsdato",                 "Förfallodatum",         "Forfaldsdato",          "Eräpäivä",                "Due date",               "Son ödeme tarihi"]),
    ("electronicSaleTitle", ["Elektronisk salgskvittering",  "Kvitto",                "Kvittering",            "Kuitti",                  "Receipt",                "Bilgi fişi"]),
    ("gross",               ["Inkl. mva.",                   "Inkl. moms",            "Inkl. moms",            "Verollinen",              "Incl. VAT",              "KDV dahil"]),
    ("invoiceNumber",       ["Fakturanr.",                   "Fakturanr",             "Fakturanr.",            "Laskun numero",           "Invoice no.",            "Belge no."]),
    ("invoiceTitle",        ["Faktura",                      "Faktura",               "Faktura",               "Lasku",                   "Invoice",                "Fatura bilgi fişi"]),
    ("invoiced",            ["Faktureres",                   "Faktureras",            "Faktureres",            "Laskutetaan",             "To be invoiced",         "Faturalanacak"]),
    ("loyalty",             ["Medlemsnr.",                   "Medlemsnr",             "Medlemsnr.",            "Jäsennumero",             "Member no.",             "Üye no."]),
    ("net",                 ["Ekskl. mva.",                  "Exkl. moms",            "Ekskl. moms",           "Veroton",                 "Excl. VAT",              "KDV hariç"]),
    ("netTotal",            ["Sum ekskl. mva.",              "Summa exkl. moms",      "I alt ekskl. moms",     "Veroton yhteensä",        "Total excl. VAT",        "KDV hariç toplam"]),
    ("of",                  ["av",                           "av",                    "af",                    "/",                       "of",                     "/"]),
    ("order",               ["Ordrenr.",                     "Ordernr",               "Ordrenr.",              "Tilausnumero",            "Order no.",              "Sipariş no."]),
    ("organization",        ["Org.nr.",                      "Org.nr",                "CVR-nr.",               "Y-tunnus",                "Company no.",            "Vergi no."]),
    ("package",             ["Pakkenr.",                     "Paketnr",               "Pakkenr.",              "Pakettinumero",           "Package no.",            "Paket no."]),
    ("page",                ["Side",                         "Sida",                  "Side",                  "Sivu",                    "Page",                   "Sayfa"]),
    ("payable",             ["Å betale",                     "Att betala",            "At betale",             "Maksettavaa",             "Amount due",             "Ödenecek"]),
    ("payment",             ["Betaling",                     "Betalning",             "Betaling",              "Maksu",                   "Payment",                "Ödeme"]),
    ("paymentFor",          ["Betaling for bilag",           "Betalning för kvitto",  "Betaling for bon",      "Maksu kuitille",          "Payment for voucher",    "Ödenen belge"]),
    ("paymentReference",    ["KID",                          "OCR-nummer",            "Betalings-id",          "Viitenumero",             "Payment reference",      "Ödeme referansı"]),
    ("paymentTitle",        ["Betalingskvittering",          "Betalningskvitto",      "Betalingskvittering",   "Maksukuitti",             "Payment receipt",        "Ödeme makbuzu"]),
    ("personNumber",        ["Fødselsnr.",                   "Personnr",              "CPR-nr.",               "Henkilötunnus",           "Personal no.",           "TCKN"]),
    ("prePaid",             ["forskuddsbetalt",              "förskottsbetalt",       "forudbetalt",           "maksettu ennakkoon",      "paid in advance",        "ön ödeme"]),
    ("price",               ["Pris",                         "Pris",                  "Pris",                  "Hinta",                   "Price",                  "Fiyat"]),
    ("qrCode",              ["QR-kode",                      "QR-kod",                "QR-kode",               "QR-koodi",                "QR code",                "Karekod"]),
    ("quantity",            ["Antall",                       "Antal",                 "Antal",                 "Määrä",                   "Qty",                    "Miktar"]),
    ("refund",              ["Tilbakebetalt",                "Återbetalning",         "Tilbagebetaling",       "Palautus",                "Refund",                 "İade"]),
    ("returnOf",            ["Gjelder kvittering",           "Avser kvitto",          "Vedrører bon",          "Palautus kuitille",       "Refers to receipt",      "İlgili belge"]),
    ("returnTitle",         ["Returkvittering",              "Returkvitto",           "Returkvittering",       "Palautuskuitti",          "Return receipt",         "İade bilgi fişi"]),
    ("returned",            ["Returnerte varer",             "Returnerade varor",     "Returnerede varer",     "Palautetut tuotteet",     "Returned items",         "İade edilen ürünler"]),
    ("rounding",            ["Avrunding",                    "Avrundning",            "Afrunding",             "Pyöristys",               "Rounding",               "Yuvarlama"]),
    ("saleTitle",           ["Salgskvittering",              "Kvitto",                "Kvittering",            "Kuitti",                  "Receipt",                "Bilgi fişi"]),
    ("seller",              ["Selger",                       "Säljare",               "Sælger",                "Myyjä",                   "Served by",              "Satıcı"]),
    ("subtotal",            ["Sum varer",                    "Summa varor",           "Varer i alt",           "Tuotteet yhteensä",       "Subtotal",               "Ara toplam"]),
    ("taxOffice",           ["Skattekontor",                 "Skattekontor",          "Skattekontor",          "Verotoimisto",            "Tax office",             "Vergi dairesi"]),
    ("thanks",              ["Takk for handelen!",           "Tack för ditt köp!",    "Tak for dit køb!",      "Kiitos ostoksestasi!",    "Thank you!",             "Teşekkür ederiz!"]),
    ("till",                ["Kasse",                        "Kassa",                 "Kasse",                 "Kassa",                   "Till",                   "Kasa"]),
    ("toRefund",            ["Til gode",                     "Att få tillbaka",       "Til gode",              "Palautetaan",             "Refund total",           "İade toplamı"]),
    ("total",               ["Totalt",                       "Totalt",                "Total",                 "Yhteensä",                "Total",                  "Toplam"]),
    ("vat",                 ["Mva.",                         "Moms",                  "Moms",                  "ALV",                     "VAT",                    "KDV"]),
    ("vatIncluded",         ["Herav mva.",                   "Varav moms",            "Heraf moms",            "Sisältää ALV",            "VAT included",           "KDV tutarı"]),
    ("vatNumber",           ["Org.nr.",                      "Momsreg.nr",            "CVR-nr.",               "ALV-numero",              "VAT no.",                "VKN"]),
    ("vatRate",             ["Mva.-sats",                    "Momssats",              "Momssats",              "ALV-kanta",               "VAT rate",               "KDV oranı"]),
    ("voucher",             ["Bilagsnr.",                    "Kvittonr",              "Bonnr.",                "Kuittinumero",            "Receipt no.",            "Fiş no."]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_complete_sorted_and_unique() {
        for (key, words) in LABELS {
            assert!(words.iter().all(|word| !word.trim().is_empty()), "{key}");
        }
        assert!(LABELS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn manual_names_every_label() {
        let manual = include_str!("../../../docs/templates.md");
        let (_, named) = manual.split_once("Built-in labels:").expect("a list of labels");
        for (key, _) in LABELS {
            assert!(named.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn finds_a_label_by_key_and_language() {
        assert_eq!(label("total", Language::Fi), Some("Yhteensä"));
        assert_eq!(label("totl", Language::Fi), None);
    }
}
