//! What members are called, in English, Norwegian, Swedish, Danish and German.

/// What a member may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Quantity,
    Price,
    Discount,
    Total,
    Gross,
    Net,
    Vat,
    Rate,
    Payment,
    Change,
    Currency,
    Identity,
    /// What a customer calls the receipt.
    Voucher,
    Number,
    Order,
    Line,
    Store,
    Created,
    Settled,
    Time,
    Article,
    Name,
    Kind,
    State,
    Reference,
    Rounding,
    /// Amounts that are none of the customer's, and numbers that are no amounts.
    Other,
}

impl Word {
    /// Words of four letters and more are found within others: `momsbelopp`. Shorter ones stand alone. Each is in its folded
    /// form, see [`fold`].
    const fn forms(self) -> &'static [&'static str] {
        match self {
            Self::Quantity => &[
                "quantity",
                "qty",
                "quant",
                "antall",
                "antal",
                "ant",
                "menge",
                "anzahl",
                "stk",
                "stuck",
                "count",
                "units",
                "pieces",
                "mengde",
                "kvantitet",
            ],
            Self::Price => &["price", "pris", "preis"],
            Self::Discount => {
                &["discount", "rabatt", "rabat", "avslag", "nachlass", "markdown", "allowance", "reduction"]
            }
            Self::Total => &[
                "total",
                "sum",
                "summe",
                "summa",
                "amount",
                "belop",
                "belob",
                "betrag",
                "gesamt",
                "totalt",
                "value",
                "subtotal",
                "verdi",
                "varde",
                "wert",
                "line",
                "linje",
                "rad",
                "zeile",
                "money",
                "tot",
                "due",
                "topay",
                "attbetala",
                "abetale",
                "zuzahlen",
                "payable",
            ],
            Self::Gross => &["gross", "brutto", "incl", "inkl", "inclusive", "inklusive", "grand", "ttc"],
            Self::Net => &[
                "net",
                "netto",
                "excl",
                "exkl",
                "ekskl",
                "eks",
                "exclusive",
                "subtotal",
                "untaxed",
                "grunnlag",
                "underlag",
                "basis",
            ],
            Self::Vat => &["vat", "tax", "taxes", "moms", "mva", "mwst", "ust", "steuer", "avgift", "skatt"],
            Self::Rate => {
                &["rate", "percent", "percentage", "pct", "prosent", "procent", "prozent", "sats", "satz"]
            }
            Self::Payment => &[
                "payment",
                "payments",
                "tender",
                "tenders",
                "settlement",
                "betaling",
                "betalning",
                "zahlung",
                "zahlart",
                "oppgjor",
                "transaction",
                "paid",
                "betalt",
                "bezahlt",
            ],
            Self::Change => &[
                "change",
                "vekslepenger",
                "veksel",
                "vaxel",
                "byttepenge",
                "wechselgeld",
                "ruckgeld",
                "cashback",
            ],
            Self::Currency => &["currency", "valuta", "wahrung", "waehrung", "valutakode"],
            Self::Identity => &["id", "uid", "uuid", "guid"],
            Self::Voucher => &[
                "voucher",
                "receipt",
                "bilag",
                "kvittering",
                "kvitto",
                "beleg",
                "bon",
                "invoice",
                "faktura",
                "rechnung",
                "ticket",
            ],
            Self::Number => &["number", "nummer", "nr", "no", "num"],
            Self::Order => &["order", "ordre", "bestilling", "bestallning", "bestellung", "auftrag"],
            Self::Line => &["line", "linje", "rad", "zeile", "position", "item", "row"],
            Self::Store => &[
                "store", "shop", "butikk", "butik", "filial", "filiale", "location", "outlet", "branch",
                "avdeling", "markt", "laden",
            ],
            Self::Created => &[
                "created",
                "opened",
                "started",
                "opprettet",
                "skapad",
                "oprettet",
                "erstellt",
                "angelegt",
                "placed",
            ],
            Self::Settled => &[
                "settled",
                "closed",
                "paid",
                "completed",
                "processed",
                "finished",
                "betalt",
                "avsluttet",
                "avslutad",
                "bezahlt",
                "abgeschlossen",
                "finalized",
            ],
            Self::Time => &[
                "time",
                "date",
                "dato",
                "tid",
                "tidspunkt",
                "datum",
                "zeit",
                "zeitpunkt",
                "timestamp",
                "at",
                "ts",
                "klokkeslett",
            ],
            Self::Article => &[
                "sku",
                "article",
                "artikkel",
                "artikel",
                "varenr",
                "varenummer",
                "plu",
                "product",
                "produkt",
                "vare",
                "item",
                "code",
                "kode",
                "kod",
                "ean",
                "gtin",
                "catalog",
                "artnr",
                "varukod",
            ],
            Self::Name => &[
                "name",
                "title",
                "description",
                "navn",
                "namn",
                "benamning",
                "bezeichnung",
                "tekst",
                "text",
                "label",
                "beskrivelse",
                "beskrivning",
                "varetekst",
            ],
            Self::Kind => &[
                "type",
                "method",
                "kind",
                "gateway",
                "art",
                "slag",
                "typ",
                "metode",
                "metod",
                "mate",
                "maate",
                "provider",
                "brand",
                "betalsatt",
                "betalmedel",
                "betalingsmiddel",
                "zahlungsmittel",
                "zahlart",
                "means",
            ],
            Self::State => &["status", "state", "tilstand", "zustand"],
            Self::Reference => &["reference", "ref", "transaction", "authorization", "referanse", "referens"],
            Self::Rounding => &[
                "rounding",
                "roundoff",
                "avrunding",
                "oresavrunding",
                "avrundning",
                "rundung",
                "oreavrunding",
            ],
            Self::Other => &[
                "cost", "kost", "innkjop", "einkauf", "margin", "weight", "vekt", "gewicht", "version",
                "sequence", "points", "loyalty", "stock", "customer", "kunde", "user", "phone", "zip",
                "shipping", "freight", "frakt", "versand", "porto",
            ],
        }
    }
}

/// How well a name fits: 0 not at all, 2 by one of its own words, 1 by a part of one.
pub(super) fn fits(name: &str, word: Word) -> i32 {
    let tokens = tokens(name);
    // `MwStBetrag` has a word that its capitals divide.
    let joined = tokens.concat();
    let form = |form: &&str| {
        if tokens.iter().any(|token| token == form) {
            2
        } else {
            i32::from(form.len() >= 4 && joined.contains(*form))
        }
    };
    word.forms().iter().map(form).max().unwrap_or_default()
}

/// The words of a name: `UnitPrice`, `unit_price`, `EnhetsPris`.
fn tokens(name: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in name.chars() {
        let starts = !before.is_alphanumeric() || (c.is_uppercase() && !before.is_uppercase());
        if c.is_alphanumeric() {
            match tokens.last_mut().filter(|_| !starts) {
                Some(token) => token.extend(fold(c)),
                None => tokens.push(fold(c).collect()),
            }
        }
        before = c;
    }
    if tokens.iter().any(|token| token.len() > 2 && token.ends_with("nr")) {
        tokens.push("nr".to_owned());
    }
    tokens
}

/// `Ø` as `o`: what `antall`, `belopp` and `wahrung` are written in.
fn fold(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().map(|c| match c {
        'å' | 'ä' | 'à' | 'á' | 'æ' => 'a',
        'ø' | 'ö' | 'ó' => 'o',
        'ü' | 'ú' => 'u',
        'é' | 'è' => 'e',
        'ß' => 's',
        c => c,
    })
}
