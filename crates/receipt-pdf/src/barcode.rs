//! QR codes and barcodes as rectangles, quiet zones included.

use barcoders::sym::code128::Code128;
use barcoders::sym::ean13::EAN13;
use qrcode::{EcLevel, QrCode, Version};

use crate::layout::Area;
use crate::swiss_qr;
use crate::template::{Code, CodeKind};

/// A code, ready to be set. Its quiet zone is part of it.
pub(crate) struct Drawn {
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) bars: Vec<Area>,
}

/// Modules of white around a QR code (ISO/IEC 18004 asks for four).
const QR_QUIET: usize = 4;

/// Modules of white beside a Code 128 barcode (ISO/IEC 15417 asks for ten).
const CODE_128_QUIET: usize = 10;

/// Modules of white left and right of an EAN-13 barcode (ISO/IEC 15420).
const EAN_13_QUIET: (usize, usize) = (11, 7);

/// Narrower modules, in points, are lost in print or to scanners: 0.19 and 0.25 mm.
const LEAST_BAR: f32 = 0.54;
const LEAST_SQUARE: f32 = 0.7;

/// The side of a QR code that takes the place of a barcode, where that is less high: 20 mm.
const FALLBACK_SIDE: f32 = 56.7;

/// The code of a text; `None` where a code of this kind cannot hold it.
pub(crate) fn draw(code: &Code, text: &str) -> Option<Drawn> {
    let (width, height) = (code.width, code.height);
    let bars = match code.kind {
        CodeKind::Qr => qr(text, width),
        CodeKind::Ean13 => ean_13(text, width, height),
        CodeKind::SwissQr => swiss_qr::payload(text).and_then(|payload| swiss(&payload)),
        CodeKind::Code128 { fallback } => {
            let barcode = code_128(text, width, height);
            if barcode.is_none() && fallback {
                let sides = [height.max(FALLBACK_SIDE).min(width), width];
                return sides
                    .into_iter()
                    .find_map(|side| Some(Drawn { width: side, height: side, bars: qr(text, side)? }));
            }
            barcode
        }
    };
    Some(Drawn { width, height, bars: bars? })
}

/// A QR code of a square `side` points wide; `None` where the text is too long for it.
fn qr(text: &str, side: f32) -> Option<Vec<Area>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let module = side / (code.width() + 2 * QR_QUIET) as f32;
    (module >= LEAST_SQUARE).then(|| squares(&code, QR_QUIET as f32 * module, module, 0.0))
}

/// The code of a Swiss QR-bill: 46 mm, with the Swiss cross on it, in 5 mm of white.
/// `None` where the payload is too long.
fn swiss(payload: &str) -> Option<Vec<Area>> {
    /// The cross, in millimetres: with its white edge, its square, and the bars in it.
    const OUTER: f32 = 7.0;
    const SQUARE: f32 = 6.0;
    const BAR: f32 = 3.9;
    const THICKNESS: f32 = 1.17;
    let code = QrCode::with_error_correction_level(payload, EcLevel::M).ok()?;
    if !matches!(code.version(), Version::Normal(..=25)) {
        return None;
    }
    let side = 46.0 * MILLIMETRE;
    let (quiet, middle) = (swiss_qr::QUIET * MILLIMETRE, swiss_qr::SIDE * MILLIMETRE / 2.0);
    let mut bars = squares(&code, quiet, side / code.width() as f32, OUTER * MILLIMETRE);
    // The black square but for the cross: what is beside the bars, and the corners between them.
    let (edge, corner) = ((SQUARE - BAR) / 2.0, (SQUARE - THICKNESS) / 2.0);
    let corners = [edge, SQUARE - corner];
    let mut add = |x: f32, y: f32, width: f32, height: f32| {
        let place = |offset: f32| middle + (offset - SQUARE / 2.0) * MILLIMETRE;
        bars.push(Area { x: place(x), y: place(y), width: width * MILLIMETRE, height: height * MILLIMETRE });
    };
    add(0.0, 0.0, SQUARE, edge);
    add(0.0, SQUARE - edge, SQUARE, edge);
    add(0.0, edge, edge, BAR);
    add(SQUARE - edge, edge, edge, BAR);
    for x in corners {
        for y in corners {
            add(x, y, corner - edge, corner - edge);
        }
    }
    Some(bars)
}

/// Points.
const MILLIMETRE: f32 = 72.0 / 25.4;

/// The dark modules of a QR code, without those that touch a square of `spared` points in its middle.
fn squares(code: &QrCode, quiet: f32, module: f32, spared: f32) -> Vec<Area> {
    let count = code.width();
    let colors = code.to_colors();
    let middle = count as f32 * module / 2.0;
    let is_spared = |i: usize| {
        let start = i as f32 * module;
        start + module > middle - spared / 2.0 && start < middle + spared / 2.0
    };
    let row = |(y, row): (usize, &[qrcode::Color])| {
        let is_dark = |(x, color): (usize, &qrcode::Color)| {
            u8::from(*color == qrcode::Color::Dark && !(spared > 0.0 && is_spared(x) && is_spared(y)))
        };
        let dark: Vec<u8> = row.iter().enumerate().map(is_dark).collect();
        runs(&dark, quiet, module, quiet + y as f32 * module, module)
    };
    colors.chunks(count).enumerate().flat_map(row).collect()
}

/// An EAN-13 barcode; `None` where the text is not 12 digits, or 13 with the right check digit.
fn ean_13(text: &str, width: f32, height: f32) -> Option<Vec<Area>> {
    let modules = EAN13::new(text).ok()?.encode();
    let (left, right) = EAN_13_QUIET;
    let module = width / (modules.len() + left + right) as f32;
    (module >= LEAST_BAR).then(|| runs(&modules, left as f32 * module, module, 0.0, height))
}

/// A Code 128 barcode; `None` where the text has characters outside printable ASCII or is too long.
fn code_128(text: &str, width: f32, height: f32) -> Option<Vec<Area>> {
    let modules = Code128::new(in_code_sets(text)?).ok()?.encode();
    let module = width / (modules.len() + 2 * CODE_128_QUIET) as f32;
    (module >= LEAST_BAR).then(|| runs(&modules, CODE_128_QUIET as f32 * module, module, 0.0, height))
}

/// A text with the marks that switch to code set C, which packs two digits into a symbol, and to B, which
/// holds all of printable ASCII, so that it takes the fewest symbols. What is beyond ASCII could be marked
/// too (FNC4), but many scanners do not read that as Latin-1.
fn in_code_sets(text: &str) -> Option<String> {
    const MARKS: [char; 2] = ['Ɓ', 'Ć'];
    let bytes = text.as_bytes();
    if bytes.is_empty() || !bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    let are_digits = |i: usize| bytes.get(i..i + 2).is_some_and(|two| two.iter().all(u8::is_ascii_digit));
    // From each place to the end, the symbols that are needed where the next one is in set B or in set C.
    let mut needed = vec![[0_usize; 2]; bytes.len() + 2];
    let rest = |needed: &[[usize; 2]], i: usize, set: usize| needed[i][set].min(needed[i][1 - set] + 1);
    for i in (0..bytes.len()).rev() {
        needed[i][0] = 1 + rest(&needed, i + 1, 0);
        needed[i][1] = if are_digits(i) { 1 + rest(&needed, i + 2, 1) } else { usize::MAX / 2 };
    }
    let mut out = String::with_capacity(text.len() + 4);
    let (mut i, mut set) = (0, None);
    while i < bytes.len() {
        let stays = |set: usize| needed[i][set] <= needed[i][1 - set] + 1;
        let next = match set {
            Some(set) if stays(set) => set,
            Some(set) => 1 - set,
            None => usize::from(needed[i][1] < needed[i][0]),
        };
        if set != Some(next) {
            out.push(MARKS[next]);
        }
        out.push_str(&text[i..=i + next]);
        i += 1 + next;
        set = Some(next);
    }
    Some(out)
}

/// Rectangles for the runs of dark modules in a row.
fn runs(modules: &[u8], quiet: f32, module: f32, y: f32, height: f32) -> Vec<Area> {
    let mut bars = Vec::new();
    let mut x = 0;
    for run in modules.chunk_by(|a, b| a == b) {
        if run[0] == 1 {
            let width = run.len() as f32 * module;
            bars.push(Area { x: quiet + x as f32 * module, y, width, height });
        }
        x += run.len();
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_code_sets_for_the_fewest_symbols() {
        for (text, expected) in [
            ("1001", "Ć1001"),
            ("10012", "Ɓ1Ć0012"),
            ("A1", "ƁA1"),
            ("AB1234", "ƁABĆ1234"),
            ("AB1234CD", "ƁAB1234CD"),
            ("AB123456CD", "ƁABĆ123456ƁCD"),
            ("12", "Ć12"),
            ("1", "Ɓ1"),
        ] {
            assert_eq!(in_code_sets(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(in_code_sets("Ø1"), None);
        assert_eq!(in_code_sets(""), None);
    }

    #[test]
    fn long_numbers_fit_where_they_are_digits() {
        assert!(code_128("1234567890123456789", 136.0, 30.0).is_some());
        assert!(code_128("019a3c5e-7d2f-7b60-a1c4-5e8f9b2d3a71", 136.0, 30.0).is_none());
    }

    #[test]
    fn completes_and_verifies_the_check_digit_of_an_ean() {
        let complete = ean_13("4006381333931", 106.0, 65.0);
        assert!(complete.is_some());
        assert_eq!(ean_13("400638133393", 106.0, 65.0), complete);
        for wrong in ["4006381333932", "40063813339", "400638133393X", "", "4006381333931 "] {
            assert_eq!(ean_13(wrong, 106.0, 65.0), None, "{wrong}");
        }
        assert_eq!(ean_13("4006381333931", 40.0, 65.0), None);
    }

    #[test]
    fn swiss_code_keeps_its_middle_free_for_the_cross() {
        let bars = swiss("SPC\n0200\n1\nCH4431999123000889012").expect("a code");
        let middle = 28.0 * MILLIMETRE;
        let touches = |from: f32, to: f32| {
            let (low, high) = (middle + from * MILLIMETRE, middle + to * MILLIMETRE);
            bars.iter().any(|bar| {
                bar.x < high && bar.x + bar.width > low && bar.y < high && bar.y + bar.height > low
            })
        };
        assert!(!touches(-0.5, 0.5), "the cross is white");
        assert!(touches(-2.9, -2.0), "its square is black");
        for bar in &bars {
            let inside = |from: f32, length: f32| {
                from > 5.0 * MILLIMETRE - 0.01 && from + length < 51.0 * MILLIMETRE + 0.01
            };
            assert!(inside(bar.x, bar.width) && inside(bar.y, bar.height), "{bar:?}");
        }
    }
}
