//! Templates, generated from the whole grammar of blocks. Some of them are refused.

use std::io;
use std::path::Path;

use proptest::prelude::*;
use proptest::strategy::Union;

/// What the template's files are read from.
#[allow(clippy::disallowed_methods, reason = "tests read files")]
pub(crate) fn read(file: &str) -> io::Result<Vec<u8>> {
    let crate_ = Path::new(env!("CARGO_MANIFEST_DIR"));
    match file {
        "own.ttf" => std::fs::read(crate_.join("fonts/NotoSans-Bold.ttf")),
        "Arabic.ttf" => std::fs::read("/usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf"),
        "Hebrew.ttf" => std::fs::read("/usr/share/fonts/truetype/noto/NotoSansHebrew-Regular.ttf"),
        file => std::fs::read(crate_.join("tests/templates").join(file)),
    }
}

/// The TOML of a template.
pub(crate) fn template() -> impl Strategy<Value = String> {
    let blocks = |count| prop::collection::vec(block(2), count).prop_map(|blocks| blocks.join(",\n  "));
    let root = vec![
        ("title", text()),
        ("language", one_of(["nb", "sv", "da", "fi", "en", "tr"])),
        ("page", page()),
        ("fonts", fonts()),
        ("header", blocks(0..=2).prop_map(|blocks| format!("[\n  {blocks}\n]")).boxed()),
        ("footer", blocks(0..=2).prop_map(|blocks| format!("[\n  {blocks}\n]")).boxed()),
    ];
    (entries(0.5, root), blocks(1..=6))
        .prop_map(|(root, blocks)| format!("{}\nblock = [\n  {blocks}\n]\n", root.join("\n")))
}

type Values = BoxedStrategy<String>;

type Keys = Vec<(&'static str, Values)>;

fn entry((key, value): (&'static str, Values)) -> Values {
    value.prop_map(move |value| format!("{key} = {value}")).boxed()
}

/// `key = value` of some of the keys.
fn entries(probability: f64, keys: Keys) -> BoxedStrategy<Vec<String>> {
    let entries =
        keys.into_iter().map(|key| prop::option::weighted(probability, entry(key))).collect::<Vec<_>>();
    entries.prop_map(|entries| entries.into_iter().flatten().collect()).boxed()
}

/// A table of all of the first keys, and some of the others.
fn table(required: Keys, optional: Keys) -> Values {
    let required = required.into_iter().map(entry).collect::<Vec<_>>();
    (required, entries(0.25, optional))
        .prop_map(|(required, optional)| format!("{{ {} }}", [required, optional].concat().join(", ")))
        .boxed()
}

fn list(values: Values, count: std::ops::RangeInclusive<usize>) -> Values {
    prop::collection::vec(values, count).prop_map(|values| format!("[{}]", values.join(", "))).boxed()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn one_of<const N: usize>(texts: [&'static str; N]) -> Values {
    prop::sample::select(texts.to_vec()).prop_map(quoted).boxed()
}

fn flag() -> Values {
    any::<bool>().prop_map(|flag| flag.to_string()).boxed()
}

/// A length in tenths of a millimetre: one that is usual, and now and then any.
fn length(usual: std::ops::Range<u32>) -> Values {
    prop_oneof![9 => usual, 1 => 0..6000_u32]
        .prop_map(|tenths| quoted(&format!("{}.{}mm", tenths / 10, tenths % 10)))
        .boxed()
}

fn size() -> Values {
    prop_oneof![9 => 5..20_u32, 1 => 4..=72_u32].prop_map(|size| quoted(&format!("{size}pt"))).boxed()
}

fn color() -> Values {
    one_of(["#000000", "#1d4e6b", "#d9dee2", "#ffffff"])
}

fn align() -> Values {
    one_of(["left", "center", "right"])
}

fn style() -> Keys {
    vec![("size", size()), ("bold", flag()), ("color", color()), ("align", align())]
}

fn page() -> Values {
    let height = prop_oneof![length(900..3000), Just(quoted("auto"))].boxed();
    let margin = prop_oneof![length(0..250), list(length(0..250), 4..=4)].boxed();
    table(
        vec![],
        vec![
            ("width", length(600..2200)),
            ("height", height),
            ("margin", margin),
            ("font-size", size()),
            ("line-height", (120..=300_u32).prop_map(|h| format!("{}.{:02}", h / 100, h % 100)).boxed()),
            ("background", image()),
            (
                "watermark",
                one_of(["KOPI", "{% if receipt.isReturn %}RETUR / RETURN{% endif %}", "نسخة", "A"]),
            ),
            ("watermark-angle", (-90..=90_i32).prop_map(|angle| angle.to_string()).boxed()),
        ],
    )
}

fn fonts() -> Values {
    table(
        vec![],
        vec![
            ("regular", one_of(["own.ttf"])),
            ("bold", one_of(["own.ttf"])),
            ("fallback", Just("[\"Arabic.ttf\", \"Hebrew.ttf\"]".to_owned()).boxed()),
        ],
    )
}

fn image() -> Values {
    one_of(["logo.png", "photo.jpg", "corners.jpg", "logo.svg"])
}

/// A text without the members of a row.
fn text() -> Values {
    one_of([
        "",
        "Å",
        "Hei −20 °C ✓",
        "{{ receipt.title }} {{ receipt.voucherNumber }}",
        "{{ store.name }}\n{{ store.street }}\n\n{{ store.postalCode }} {{ store.city }}",
        "{{ receipt.grandTotal | money }}",
        "{{ labels.thanks }}",
        "Salgsvilkår: varer kan byttes innen 30 dager, men ikke undertøy, matvarer og det som er brukt; \
         ta vare på kvitteringen og emballasjen",
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
        "f\u{301} 日本 שלום ١٢٣ مرحبا بالعالم (بيلاغ)",
    ])
}

fn row(each: &str) -> Values {
    match each {
        "items" => one_of([
            "",
            "{{ row.name }}",
            "{{ row.quantity | quantity }}",
            "{{ row.total | money }}",
            "{{ row.unitPriceNet | money }}",
            "{{ row.name }} {{ row.sku }} {{ row.name }} {{ row.ean }}",
        ]),
        "vat" => one_of(["{{ row.rate | percent }}", "{{ row.net | money }}", "{{ row.gross | money }}"]),
        _ => one_of([
            "{{ row.name }}",
            "{{ row.note }}",
            "{{ row.amount | money }}",
            "{{ row.transactionId }}",
        ]),
    }
}

/// A block; `depth` is how deep columns may be in it.
fn block(depth: u32) -> Values {
    let block = |kind: &'static str, required: Keys, optional: Keys| {
        let when = ["receipt.isReturn", "items", "not receipt.isBusiness", "receipt.settledAt"];
        let common = vec![
            ("when", one_of(when)),
            ("space-before", length(0..150)),
            ("space-after", length(0..150)),
            ("keep-with-next", flag()),
            ("keep-together", flag()),
        ];
        table([vec![("type", Just(quoted(kind)).boxed())], required].concat(), [optional, common].concat())
    };
    let with_style = |keys: Keys| [keys, style()].concat();
    let pair = || {
        let keys = with_style(vec![("space-before", length(0..50))]);
        list(table(vec![("label", text()), ("value", text())], keys), 1..=4)
    };
    let pairs_keys =
        || with_style(vec![("width", length(300..900)), ("gap", length(0..100)), ("label-color", color())]);
    let placed = || vec![("width", length(200..900)), ("align", align())];
    let bars = || vec![("width", length(200..700)), ("height", length(50..300)), ("align", align())];
    let tables = ["items", "vat", "payments"].map(|each| {
        let column = table(
            vec![("text", row(each))],
            with_style(vec![
                ("title", text()),
                ("note", row(each)),
                ("width", prop_oneof![one_of(["auto", "*", "2*", "auto"]), length(50..500)].boxed()),
                ("gap", length(0..60)),
                ("hide-empty", flag()),
            ]),
        );
        block(
            "table",
            vec![("each", Just(quoted(each)).boxed()), ("columns", list(column, 1..=5))],
            with_style(vec![
                ("header", flag()),
                ("padding", length(0..40)),
                ("row-rule", color()),
                ("title-size", size()),
                ("title-color", color()),
                ("title-bold", flag()),
            ]),
        )
    });
    let swiss = r#"{ name = "Robert Schneider AG", postal-code = "2501", town = "Biel", country = "CH" }"#;
    let mut blocks = vec![
        (2, block("heading", vec![("text", text())], with_style(vec![]))),
        (4, block("text", vec![("text", text())], with_style(vec![]))),
        (2, block("pairs", vec![("rows", pair())], pairs_keys())),
        (2, block("totals", vec![("rows", pair())], pairs_keys())),
        (1, block("rule", vec![], vec![("thickness", length(0..10)), ("color", color())])),
        (1, block("space", vec![], vec![("height", length(0..300))])),
        (2, block("image", vec![("file", image())], [placed(), vec![("alt", text())]].concat())),
        (1, block("qr", vec![("text", text())], placed())),
        (
            1,
            block(
                "barcode",
                vec![("text", text())],
                [bars(), vec![("fallback", one_of(["qr", "none"]))]].concat(),
            ),
        ),
        (1, block("ean13", vec![("text", one_of(["400638133393", "{{ receipt.voucherNumber }}"]))], bars())),
        (
            1,
            block(
                "swiss-qr",
                vec![
                    ("account", one_of(["CH58 0079 1123 0008 8901 2"])),
                    ("creditor", Just(swiss.to_owned()).boxed()),
                    ("currency", one_of(["CHF"])),
                ],
                vec![("amount", one_of(["100"])), ("align", align())],
            ),
        ),
    ];
    blocks.extend(tables.map(|table| (2, table)));
    if depth > 0 {
        let width = prop_oneof![3 => one_of(["*", "2*"]), 1 => length(200..800)].boxed();
        let column = table(vec![("blocks", list(self::block(depth - 1), 0..=3))], vec![("width", width)]);
        blocks.push((
            4,
            block("columns", vec![("columns", list(column, 1..=3))], vec![("gap", length(0..120))]),
        ));
    }
    Union::new_weighted(blocks).boxed()
}
