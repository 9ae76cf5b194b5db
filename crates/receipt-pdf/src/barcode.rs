//! QR codes and Code 128 barcodes as rectangles, quiet zones included.

use barcoders::sym::code128::Code128;
use qrcode::{EcLevel, QrCode};

use crate::layout::Area;

/// Modules of white around a QR code (ISO/IEC 18004 asks for four).
const QR_QUIET: usize = 4;

/// Modules of white beside a Code 128 barcode (ISO/IEC 15417 asks for ten).
const CODE_128_QUIET: usize = 10;

/// Narrower modules, in points, are lost in print or to scanners: 0.19 and 0.25 mm.
const LEAST_BAR: f32 = 0.54;
const LEAST_SQUARE: f32 = 0.7;

/// A QR code of a square `side` points wide; `None` where the text is too long for it.
pub(crate) fn qr(text: &str, side: f32) -> Option<Vec<Area>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let count = code.width();
    let module = side / (count + 2 * QR_QUIET) as f32;
    if module < LEAST_SQUARE {
        return None;
    }
    let colors = code.to_colors();
    let rows = colors.chunks(count).enumerate();
    Some(
        rows.flat_map(|(y, row)| {
            let dark: Vec<u8> = row.iter().map(|color| color.select(1, 0)).collect();
            runs(&dark, QR_QUIET, module, (y + QR_QUIET) as f32 * module, module)
        })
        .collect(),
    )
}

/// A Code 128 barcode; `None` where the text has characters outside printable ASCII or is too long.
pub(crate) fn code_128(text: &str, width: f32, height: f32) -> Option<Vec<Area>> {
    if !text.chars().all(|c| matches!(c, ' '..='~')) {
        return None;
    }
    // Code set C packs two digits into one symbol; set B holds all of printable ASCII.
    let set =
        if text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_digit()) { 'Ć' } else { 'Ɓ' };
    let modules = Code128::new(format!("{set}{text}")).ok()?.encode();
    let module = width / (modules.len() + 2 * CODE_128_QUIET) as f32;
    (module >= LEAST_BAR).then(|| runs(&modules, CODE_128_QUIET, module, 0.0, height))
}

/// Rectangles for the runs of dark modules in a row.
fn runs(modules: &[u8], quiet: usize, module: f32, y: f32, height: f32) -> Vec<Area> {
    let mut bars = Vec::new();
    let mut x = quiet;
    for run in modules.chunk_by(|a, b| a == b) {
        if run[0] == 1 {
            bars.push(Area { x: x as f32 * module, y, width: run.len() as f32 * module, height });
        }
        x += run.len();
    }
    bars
}
