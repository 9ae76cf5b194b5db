//! Templates that are wrong, and what is said of them; templates that are right, and what they print.

mod support;

use std::io;

use receipt_pdf::{Template, Warning, render};
use support::{file, here, sample, text};

fn read(path: &str) -> io::Result<Vec<u8>> {
    // The kind alone: its words are the same on every system.
    std::fs::read(file("templates").join(path)).map_err(|error| error.kind().into())
}

/// `NAME.toml` is a broken template, `NAME.txt` all that is to be said of it.
#[test]
fn reports_every_mistake_with_its_line() {
    let mut seen = 0;
    for entry in std::fs::read_dir(file("templates")).expect("the folder of broken templates") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let source = std::fs::read_to_string(&path).expect("a template");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let message = Template::load(&source, &name, &read).expect_err(&name).to_string();
        let expected = std::fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        assert_eq!(message.trim_end(), expected.trim_end(), "{name}");
        seen += 1;
    }
    assert!(seen >= 8, "{seen} broken templates");
}

#[test]
fn iterates_over_mistakes() {
    let errors = Template::load("[page]\nwidht = \"80mm\"", "t.toml", &read).expect_err("a misspelt key");
    let lines: Vec<usize> = errors.iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [1, 2]);
}

#[test]
fn example_of_the_manual_renders() {
    let manual = std::fs::read_to_string(here().join("../../docs/templates.md")).expect("the manual");
    let example =
        manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let logo = |path: &str| match path {
        "logo.png" => read("logo.png"),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let template = Template::load(example, "templates.md", &logo).unwrap_or_else(|errors| panic!("{errors}"));
    let rendered = render(&template, &sample("standard")).expect("a PDF");
    assert_eq!(rendered.warnings, []);
    let text = text(&rendered.pdf).concat();
    for expected in ["Salgskvittering 1001", "Turski «Fonna» 180 cm", "3\u{a0}836,50", "Bytt innen 30 dager"]
    {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
}

#[test]
fn every_example_of_the_manual_is_valid() {
    let manual = std::fs::read_to_string(here().join("../../docs/templates.md")).expect("the manual");
    let examples = manual.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut seen = 0;
    for example in examples {
        Template::load(example, "templates.md", &read).unwrap_or_else(|errors| panic!("{errors}"));
        seen += 1;
    }
    assert!(seen >= 2, "{seen} examples");
}

#[test]
fn template_fixes_language_and_labels() {
    let source = r#"
language = "sv"
[labels.sv]
total = "Att betala"
[[block]]
type = "text"
text = "{{ labels.total }} {{ receipt.grandTotal | money }} {{ receipt.createdAt | date }}"
"#;
    let template = Template::load(source, "t.toml", &read).unwrap_or_else(|errors| panic!("{errors}"));
    let pdf = render(&template, &sample("package")).expect("a PDF").pdf;
    assert!(text(&pdf)[0].contains("Att betala 3\u{a0}359,70 2026-11-02"), "{:?}", text(&pdf));
}

#[test]
fn templates_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Template>();
}

#[test]
fn has_no_other_built_in_template() {
    assert!(Template::builtin("a5").is_none());
    for name in Template::BUILTIN {
        assert!(Template::builtin(name).is_some(), "{name}");
    }
}

/// A PNG of a few bytes that says to be of so many pixels.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = png::Encoder::new(&mut bytes, width, height);
    drop(encoder.write_header().expect("a header"));
    bytes
}

#[test]
fn refuses_a_huge_image_by_its_header() {
    for (width, height) in [(60_000, 60_000), (4_001, 1), (1, u32::MAX >> 1)] {
        let template = "[[block]]\ntype = \"image\"\nfile = \"bomb.png\"\n";
        let errors = Template::load(template, "t.toml", &|_| Ok(bomb(width, height))).expect_err("a mistake");
        let expected = "t.toml:3: the image `bomb.png`: larger than 4000 × 4000 pixels: make it smaller";
        assert_eq!(errors.to_string(), expected, "{width} × {height}");
    }
}

/// The image of a block as the PDF has it: width, height and colour space.
fn image_in_pdf(keys: &str) -> (Vec<(i64, i64, String)>, Vec<Warning>, usize) {
    let source = format!("language = \"nb\"\n{keys}");
    let template = Template::load(&source, "t.toml", &read).unwrap_or_else(|errors| panic!("{errors}"));
    let rendered = render(&template, &sample("standard")).expect("a PDF");
    let document = lopdf::Document::load_mem(&rendered.pdf).expect("a PDF");
    let streams = document.objects.values().filter_map(|object| object.as_stream().ok());
    let images = streams.filter(|stream| {
        stream.dict.get(b"Subtype").and_then(lopdf::Object::as_name).is_ok_and(|name| name == b"Image")
    });
    let number = |dict: &lopdf::Dictionary, key: &[u8]| {
        dict.get(key).and_then(lopdf::Object::as_i64).expect("a number")
    };
    let found = images.map(|image| {
        let space = image.dict.get(b"ColorSpace").and_then(lopdf::Object::as_name).expect("a colour space");
        let space = String::from_utf8_lossy(space).into_owned();
        (number(&image.dict, b"Width"), number(&image.dict, b"Height"), space)
    });
    (found.collect(), rendered.warnings, rendered.pdf.len())
}

#[test]
fn prints_jpeg_and_svg_images() {
    let block = |file: &str, width: &str| {
        format!("[[block]]\ntype = \"image\"\nfile = \"{file}\"\nwidth = \"{width}\"\n")
    };
    let rgb = |width, height| vec![(width, height, "DeviceRGB".to_owned())];
    assert_eq!(image_in_pdf(&block("photo.jpg", "30mm")).0, rgb(64, 32));
    assert_eq!(image_in_pdf(&block("logo.svg", "1in")).0, rgb(300, 150));
    // Once, at the larger of two sizes.
    let twice = block("logo.svg", "1in") + &block("logo.svg", "2in");
    assert_eq!(image_in_pdf(&twice).0, rgb(600, 300));
}

#[test]
fn prints_images_from_data() {
    const DOT: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";
    let block = |data: &str| {
        format!(
            "[labels.nb]\nlogo = \"{data}\"\n[[block]]\ntype = \"image\"\ndata = \"{{{{ labels.logo }}}}\"\n"
        )
    };
    let (images, warnings, _) = image_in_pdf(&block(&format!("data:image/png;base64,{DOT}")));
    assert_eq!((images, warnings), (vec![(1, 1, "DeviceGray".to_owned())], vec![]));
    let (images, warnings, _) = image_in_pdf(&block("https://example.org/logo.png"));
    assert_eq!((images, warnings), (vec![], vec![Warning::Image { line: 4 }]));
    assert_eq!(image_in_pdf(&block("")).1, []);
}

#[test]
fn large_logo_makes_no_large_receipt() {
    let mut noise = 1_u32;
    let pixels: Vec<u8> = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    })
    .take(4000 * 4000 * 3)
    .collect();
    let mut logo = Vec::new();
    let mut encoder = png::Encoder::new(&mut logo, 4000, 4000);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&pixels).expect("the pixels");
    drop(writer);
    let source = "[[block]]\ntype = \"image\"\nfile = \"logo.png\"\nwidth = \"30mm\"\n";
    let template =
        Template::load(source, "t.toml", &|_| Ok(logo.clone())).unwrap_or_else(|errors| panic!("{errors}"));
    let bytes = render(&template, &sample("standard")).expect("a PDF").pdf.len();
    assert!(bytes < 400_000, "{bytes} bytes");
}

#[test]
fn endless_text_names_template_and_line() {
    let template = "[[block]]\ntype = \"text\"\ntext = \"Hei\"\n\n[[block]]\ntype = \"text\"\ntext = \"\"\"\n\
        {% if receipt.voucherNumber == '1001' %}\
        {% for a in range(9000) %}{% for b in range(9000) %}{{ b }}{% endfor %}{% endfor %}\
        {% endif %}\n\"\"\"\n";
    let template = Template::load(template, "shop.toml", &read).unwrap_or_else(|errors| panic!("{errors}"));
    let message = render(&template, &sample("standard")).expect_err("no PDF").to_string();
    assert!(message.contains("line 7 of template shop.toml"), "{message}");
    render(&template, &sample("return")).expect("a PDF of another receipt");
}

#[test]
fn longest_receipt_stays_within_the_limits() {
    let mut receipt = sample("standard");
    let items = receipt.order_receipt.items.clone();
    // About 180 bytes a line: more would not fit into the largest event.
    receipt.order_receipt.items = items.iter().cycle().take(6_000).cloned().collect();
    for name in Template::BUILTIN {
        let template = Template::builtin(name).expect("built in");
        render(template, &receipt).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// What a template of one text block prints of the standard sample.
fn printed(text_block: &str, before: &str) -> String {
    let source =
        format!("language = \"nb\"\n{before}\n[[block]]\ntype = \"text\"\ntext = '''{text_block}'''\n");
    let template = Template::load(&source, "t.toml", &read).unwrap_or_else(|errors| panic!("{errors}"));
    text(&render(&template, &sample("standard")).expect("a PDF").pdf).concat().trim_end().to_owned()
}

#[test]
fn labels_are_texts_with_the_receipts_variables() {
    let labels = "[labels.nb]\nswap = \"Kan byttes innen {{ receipt.createdAt | plus_days(60) | date }}\"\n\
        plain = \"100 % {ull}\"\nboth = \"{{ labels.plain }} {{ store.name }}\"";
    assert_eq!(printed("{{ labels.swap }}!", labels), "Kan byttes innen 01.01.2027!");
    assert_eq!(printed("{{ labels['swap'] | upper }}", labels), "KAN BYTTES INNEN 01.01.2027");
    assert_eq!(printed("{{ labels.plain }}, {{ labels.total }}", labels), "100 % {ull}, Totalt");
    assert!(printed("{{ labels.both }}", labels).starts_with("100 % {ull} "));
    let table = "[[block]]\ntype = \"table\"\neach = \"items\"\nheader = false\n\
        columns = [{ text = \"{{ row.name }}: {{ labels.swap }}\" }]";
    let printed = printed("x", &format!("{labels}\n{table}"));
    assert!(printed.contains("Fonna") && printed.contains("innen"), "{printed}");
}

/// Every filter that the manual names, in a text that needs it to work.
#[test]
fn every_filter_of_the_manual_works() {
    let cases = [
        ("money", "{{ 383650 | money }}", "3\u{a0}836,50"),
        ("quantity", "{{ 150 | quantity }}", "1,5"),
        ("percent", "{{ 2500 | percent }}", "25\u{a0}%"),
        ("date", "{{ '2026-11-02T10:15:00+01:00' | date }}", "02.11.2026"),
        ("time", "{{ '2026-11-02T10:15:00+01:00' | time }}", "10:15"),
        ("datetime", "{{ '2026-11-02T10:15:00+01:00' | datetime }}", "02.11.2026\u{a0}10:15"),
        ("plus_days", "{{ '2026-12-31T10:15:00+01:00' | plus_days(30) | date }}", "30.01.2027"),
        ("plus_days", "{{ '2026-03-01T10:15:00+01:00' | plus_days(-1) | date }}", "28.02.2026"),
        ("kid", "{{ '12345678' | kid('mod10') }}", "123456782"),
        ("kid", "{{ '12345678' | kid('mod11') }}", "123456785"),
        ("kid", "{{ 1001 | kid('mod10', 10) }}", "0000010017"),
        (
            "kid",
            "[{{ 'A-1001' | kid('mod10') }}{{ none | kid('mod10') }}{{ '12345' | kid('mod10', 4) }}]",
            "[]",
        ),
        ("abs", "{{ -3 | abs }}", "3"),
        ("attr", "{{ store | attr('name') | length > 0 }}", "True"),
        ("batch", "{{ [1, 2, 3] | batch(2) | length }}", "2"),
        ("bool", "{{ 1 | bool }}", "True"),
        ("capitalize", "{{ 'hei' | capitalize }}", "Hei"),
        ("chain", "{{ [1] | chain([2]) | list | length }}", "2"),
        ("count", "{{ [1, 2] | count }}", "2"),
        ("d", "{{ '' | d('x', true) }}", "x"),
        ("default", "{{ '' | default('x', true) }}", "x"),
        ("dictsort", "{{ dict(b=1, a=2) | dictsort | first | first }}", "a"),
        ("e", "{{ 'a<b' | e }}", "a&lt;b"),
        ("escape", "{{ 'a<b' | escape }}", "a&lt;b"),
        ("first", "{{ [1, 2] | first }}", "1"),
        ("float", "{{ '1.5' | float }}", "1.5"),
        ("format", "{{ '%05d' | format(42) }}", "00042"),
        ("groupby", "{{ items | groupby('vatRate') | length }}", "2"),
        ("indent", "{{ 'a\\nb' | indent(2) | length }}", "5"),
        ("int", "{{ '42' | int + 1 }}", "43"),
        ("items", "{{ dict(a=1) | items | first | last }}", "1"),
        ("join", "{{ ['a', 'b'] | join('-') }}", "a-b"),
        ("last", "{{ [1, 2] | last }}", "2"),
        ("length", "{{ 'abc' | length }}", "3"),
        ("lines", "{{ 'a\\nb' | lines | length }}", "2"),
        ("list", "{{ 'ab' | list | length }}", "2"),
        ("lower", "{{ 'ÆØ' | lower }}", "æø"),
        ("map", "{{ ['a'] | map('upper') | join }}", "A"),
        ("max", "{{ [1, 3] | max }}", "3"),
        ("min", "{{ [1, 3] | min }}", "1"),
        ("pprint", "{{ 1 | pprint }}", "1"),
        ("reject", "{{ [1, 2] | reject('odd') | first }}", "2"),
        ("rejectattr", "{{ items | rejectattr('name') | list | length }}", "0"),
        ("replace", "{{ 'a-b' | replace('-', '+') }}", "a+b"),
        ("reverse", "{{ 'abc' | reverse }}", "cba"),
        ("round", "{{ 1.26 | round(1) }}", "1.3"),
        ("safe", "{{ '<' | safe }}", "<"),
        ("select", "{{ [1, 2] | select('odd') | first }}", "1"),
        ("selectattr", "{{ items | selectattr('name') | list | length > 0 }}", "True"),
        ("slice", "{{ [1, 2, 3] | slice(2) | length }}", "2"),
        ("sort", "{{ [2, 1] | sort | first }}", "1"),
        ("split", "{{ 'a,b' | split(',') | last }}", "b"),
        ("string", "{{ 42 | string | length }}", "2"),
        ("sum", "{{ [1, 2] | sum }}", "3"),
        ("title", "{{ 'hei du' | title }}", "Hei Du"),
        ("trim", "{{ ' a ' | trim }}", "a"),
        ("unique", "{{ [1, 1] | unique | list | length }}", "1"),
        ("upper", "{{ 'æø' | upper }}", "ÆØ"),
        ("urlencode", "{{ 'a b/ø' | urlencode }}", "a%20b/%C3%B8"),
        ("zip", "{{ [1] | zip([2]) | list | length }}", "1"),
    ];
    let manual = std::fs::read_to_string(here().join("../../docs/templates.md")).expect("the manual");
    let (_, list) = manual.split_once("Jinja's built-in filters:").expect("the list of filters");
    let list = list.split_once('.').map_or(list, |(list, _)| list);
    for filter in list.split('`').skip(1).step_by(2) {
        assert!(cases.iter().any(|(name, ..)| *name == filter), "`{filter}` is not tried");
    }
    for (filter, source, expected) in cases {
        assert_eq!(printed(source, ""), expected, "{filter}: {source}");
        assert!(
            manual.contains(&format!("`{filter}`")) || manual.contains(&format!("`{filter}(")),
            "{filter}"
        );
    }
}

#[test]
fn header_background_and_watermark_are_on_every_page() {
    let source = r#"
language = "nb"
[page]
background = "logo.png"
watermark = "{% if receipt.voucherNumber == '1007' %}KOPI{% endif %}"
[[header]]
type = "text"
text = "Side {{ page }} av {{ pages }}"
[[block]]
type = "table"
each = "items"
columns = [ { text = "{{ row.name }}" } ]
"#;
    let template = Template::load(source, "t.toml", &read).unwrap_or_else(|errors| panic!("{errors}"));
    let rendered = render(&template, &sample("long")).expect("a PDF");
    assert_eq!(rendered.warnings, []);
    let pages = text(&rendered.pdf);
    assert!(pages.len() > 1);
    for (i, page) in pages.iter().enumerate() {
        assert!(page.starts_with("KOPI\n"), "{page}");
        assert!(page.contains(&format!("Side {} av {}\n", i + 1, pages.len())), "{page}");
    }
    let document = lopdf::Document::load_mem(&rendered.pdf).expect("a PDF");
    for id in document.get_pages().into_values() {
        let content = document.get_page_content(id);
        let content = String::from_utf8_lossy(&content).into_owned();
        assert!(content.starts_with("/Artifact BMC\nq\n"), "{}", &content[..60]);
    }
    assert!(!text(&render(&template, &sample("standard")).expect("a PDF").pdf)[0].contains("KOPI"));
}

#[test]
fn keep_together_moves_a_block_to_the_next_page() {
    let source = |keep: bool| {
        format!(
            "language = \"nb\"\n[[block]]\ntype = \"space\"\nheight = \"240mm\"\n\
             [[block]]\ntype = \"text\"\nkeep-together = {keep}\ntext = \"1\\n2\\n3\\n4\\n5\\n6\\n7\\n8\"\n"
        )
    };
    for (keep, first) in [(true, ""), (false, "1\n")] {
        let template =
            Template::load(&source(keep), "t.toml", &read).unwrap_or_else(|errors| panic!("{errors}"));
        let pages = text(&render(&template, &sample("standard")).expect("a PDF").pdf);
        assert_eq!(pages.len(), 2);
        assert!(pages[0].starts_with(first) && pages[0].is_empty() == keep, "{pages:?}");
    }
}
