//! Images of a template, made ready for the page: on white, at the size they are printed at, deflated once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use png::{ColorType, Decoder, Transformations};
use resvg::tiny_skia::{self, Pixmap, Transform};
use resvg::usvg::{self, roxmltree};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// An image, as it is printed.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// One byte a pixel, else red, green, blue.
    pub(crate) is_gray: bool,
    /// Row by row from the top, deflated.
    pub(crate) deflated: Vec<u8>,
}

/// Why an image cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    #[error("not a PNG, JPEG or SVG image: convert it to one of these")]
    Unknown,
    #[error("not a PNG image that can be read: save it again")]
    Png(#[from] png::DecodingError),
    #[error("not a JPEG image that can be read: save it again")]
    Jpeg,
    #[error("a JPEG image in CMYK: convert it to RGB")]
    Cmyk,
    #[error("not an SVG image that can be read: save it again as plain SVG")]
    Svg,
    #[error("an SVG image with texts: convert them to paths")]
    SvgText,
    #[error("an SVG image with other images in it: use the PNG or JPEG itself")]
    SvgImage,
    #[error("larger than 4000 × 4000 pixels: make it smaller")]
    TooLarge,
}

/// Larger images are absurd on a receipt.
const MOST_PIXELS: u32 = 4000;

/// Finer detail is lost in print.
const DOTS_PER_INCH: f32 = 300.0;

/// An image as it was read, before the size is known that it is printed at.
pub(crate) enum Source {
    Pixels(Pixels),
    Drawing(Box<usvg::Tree>),
}

pub(crate) struct Pixels {
    width: u32,
    height: u32,
    is_gray: bool,
    bytes: Vec<u8>,
}

impl Source {
    /// Reads a PNG, JPEG or SVG. What is transparent becomes white, the colour of the page.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        let start = bytes.trim_ascii_start();
        let start = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start);
        match bytes {
            [0x89, b'P', b'N', b'G', ..] => png(bytes).map(Self::Pixels),
            [0xff, 0xd8, 0xff, ..] => jpeg(bytes).map(Self::Pixels),
            _ if start.first() == Some(&b'<') => svg(start),
            _ => Err(ImageError::Unknown),
        }
    }

    /// The image, as wide in points as it is printed, with no more pixels than print needs.
    pub(crate) fn printed(self, width: f32) -> Image {
        let pixels = (width / 72.0 * DOTS_PER_INCH).ceil().clamp(1.0, MOST_PIXELS as f32);
        let pixels = match self {
            Self::Pixels(source) => scaled(source, pixels as u32),
            Self::Drawing(tree) => drawn(&tree, pixels),
        };
        let Pixels { width, height, is_gray, bytes } = without_color(pixels);
        Image { width, height, is_gray, deflated: crate::deflate::deflate(&bytes) }
    }
}

impl Image {
    /// The PNG or JPEG in a `data:` URI, printed as wide in points. An SVG is not taken: what comes with a
    /// receipt may be anybody's.
    pub(crate) fn from_uri(uri: &str, width: f32) -> Option<Self> {
        let data = ["data:image/png;base64,", "data:image/jpeg;base64,"]
            .iter()
            .find_map(|start| uri.trim().strip_prefix(start))?;
        let bytes = BASE64.decode(data.replace(char::is_whitespace, "")).ok()?;
        match Source::read(&bytes) {
            Ok(source @ Source::Pixels(_)) => Some(source.printed(width)),
            _ => None,
        }
    }

    /// Height divided by width.
    pub(crate) fn aspect(&self) -> f32 {
        self.height as f32 / self.width as f32
    }
}

fn png(bytes: &[u8]) -> Result<Pixels, ImageError> {
    let mut decoder = Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(Transformations::normalize_to_color8());
    // Before anything is made ready for the pixels, which a few bytes may say are billions.
    let (width, height) = decoder.read_header_info()?.size();
    if width > MOST_PIXELS || height > MOST_PIXELS {
        return Err(ImageError::TooLarge);
    }
    let mut reader = decoder.read_info()?;
    let orientation = reader.info().exif_metadata.as_deref().map_or(UPRIGHT, orientation);
    let mut pixels = vec![0; reader.output_buffer_size().ok_or(ImageError::TooLarge)?];
    let frame = reader.next_frame(&mut pixels)?;
    pixels.truncate(frame.buffer_size());
    let on_white = |channel: u8, alpha: u8| {
        let (channel, alpha) = (u16::from(channel), u16::from(alpha));
        ((channel * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let (is_gray, bytes) = match frame.color_type {
        ColorType::Grayscale => (true, pixels),
        ColorType::GrayscaleAlpha => {
            (true, pixels.chunks_exact(2).map(|pixel| on_white(pixel[0], pixel[1])).collect())
        }
        ColorType::Rgba => {
            let rgb =
                pixels.chunks_exact(4).flat_map(|pixel| [0, 1, 2].map(|i| on_white(pixel[i], pixel[3])));
            (false, rgb.collect())
        }
        ColorType::Rgb | ColorType::Indexed => (false, pixels),
    };
    Ok(upright(Pixels { width, height, is_gray, bytes }, orientation))
}

fn jpeg(bytes: &[u8]) -> Result<Pixels, ImageError> {
    let options = DecoderOptions::default().set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|_| ImageError::Jpeg)?;
    let info = decoder.info().ok_or(ImageError::Jpeg)?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    if width > MOST_PIXELS || height > MOST_PIXELS {
        return Err(ImageError::TooLarge);
    }
    let is_gray = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => true,
        Some(ColorSpace::RGB | ColorSpace::YCbCr) => false,
        _ => return Err(ImageError::Cmyk),
    };
    let orientation = decoder.exif().map_or(UPRIGHT, |exif| orientation(exif));
    let out = if is_gray { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(out));
    let bytes = decoder.decode().map_err(|_| ImageError::Jpeg)?;
    let channels = if is_gray { 1 } else { 3 };
    match bytes.len() == width as usize * height as usize * channels {
        true => Ok(upright(Pixels { width, height, is_gray, bytes }, orientation)),
        false => Err(ImageError::Jpeg),
    }
}

/// The orientation of an image whose first row is its top and whose first column its left (EXIF 2.32, 4.6.5.1).
const UPRIGHT: u32 = 1;

/// How the camera was held: the orientation in an image's EXIF data, upright where that says nothing.
fn orientation(exif: &[u8]) -> u32 {
    let exif = exif::Reader::new().read_raw(exif.to_vec()).ok();
    let field = exif.as_ref().and_then(|exif| exif.get_field(exif::Tag::Orientation, exif::In::PRIMARY));
    field.and_then(|field| field.value.get_uint(0)).unwrap_or(UPRIGHT)
}

/// Turns and mirrors an image as its orientation says.
fn upright(source: Pixels, orientation: u32) -> Pixels {
    // Where a pixel comes from: rows and columns change places from 5 on, and then run from one end or the other.
    let (swaps, from_right, from_bottom) = match orientation {
        2 => (false, true, false),
        3 => (false, true, true),
        4 => (false, false, true),
        5 => (true, false, false),
        6 => (true, false, true),
        7 => (true, true, true),
        8 => (true, true, false),
        _ => return source,
    };
    let (width, height) = if swaps { (source.height, source.width) } else { (source.width, source.height) };
    let channels = if source.is_gray { 1 } else { 3 };
    let mut bytes = Vec::with_capacity(source.bytes.len());
    for y in 0..height {
        for x in 0..width {
            let (column, row) = if swaps { (y, x) } else { (x, y) };
            let column = if from_right { source.width - 1 - column } else { column };
            let row = if from_bottom { source.height - 1 - row } else { row };
            let start = (row as usize * source.width as usize + column as usize) * channels;
            bytes.extend_from_slice(&source.bytes[start..start + channels]);
        }
    }
    Pixels { width, height, is_gray: source.is_gray, bytes }
}

fn svg(bytes: &[u8]) -> Result<Source, ImageError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ImageError::Svg)?;
    // Drawing programs write a document type, which the parser bounds.
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|_| ImageError::Svg)?;
    // What is not built in would be missing from the page without a word.
    let has = |name: &str| document.descendants().any(|node| node.tag_name().name() == name);
    if has("text") {
        return Err(ImageError::SvgText);
    }
    if has("image") {
        return Err(ImageError::SvgImage);
    }
    let tree = usvg::Tree::from_xmltree(&document, &usvg::Options::default()).map_err(|_| ImageError::Svg)?;
    Ok(Source::Drawing(Box::new(tree)))
}

/// Pixels no wider than asked.
fn scaled(source: Pixels, width: u32) -> Pixels {
    if source.width <= width {
        return source;
    }
    let height = (u64::from(source.height) * u64::from(width)).div_ceil(u64::from(source.width)) as u32;
    let channels = if source.is_gray { 1 } else { 3 };
    let row = source.width as usize * channels;
    let narrow: Vec<u8> =
        source.bytes.chunks_exact(row).flat_map(|row| averaged(row, channels, width as usize)).collect();
    // A column is a row whose pixels are rows.
    let bytes = averaged(&narrow, width as usize * channels, height as usize);
    Pixels { width, height, is_gray: source.is_gray, bytes }
}

/// Pixels of `size` bytes in a row as fewer of them: each is the average of those that it covers, in whole
/// numbers, so that it is the same on every processor.
fn averaged(row: &[u8], size: usize, count: usize) -> Vec<u8> {
    let from = row.len() / size;
    let mut out = Vec::with_capacity(count * size);
    let mut sums = vec![0_u64; size];
    for i in 0..count {
        // The old pixels are `count` wide here and the new ones `from`.
        let (start, end) = (i * from, (i + 1) * from);
        sums.fill(from as u64 / 2);
        for old in start / count..end.div_ceil(count) {
            let covered = end.min((old + 1) * count) - start.max(old * count);
            for (sum, byte) in sums.iter_mut().zip(&row[old * size..]) {
                *sum += u64::from(*byte) * covered as u64;
            }
        }
        out.extend(sums.iter().map(|sum| (sum / from as u64) as u8));
    }
    out
}

/// A drawing as pixels, as wide as asked if it is not more than 4000 pixels high then.
fn drawn(tree: &usvg::Tree, width: f32) -> Pixels {
    let size = tree.size();
    let scale = (width / size.width()).min(MOST_PIXELS as f32 / size.height());
    let side = |length: f32| (length * scale).round().max(1.0) as u32;
    let (width, height) = (side(size.width()), side(size.height()));
    let white = || vec![255; width as usize * height as usize * 3];
    let bytes = Pixmap::new(width, height).map_or_else(white, |mut pixmap| {
        pixmap.fill(tiny_skia::Color::WHITE);
        resvg::render(tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
        pixmap.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
    });
    Pixels { width, height, is_gray: false, bytes }
}

/// One byte a pixel is enough where there is no colour.
fn without_color(pixels: Pixels) -> Pixels {
    let mut colors = pixels.bytes.chunks_exact(3);
    if pixels.is_gray || colors.any(|pixel| pixel[0] != pixel[1] || pixel[1] != pixel[2]) {
        return pixels;
    }
    let bytes = pixels.bytes.iter().step_by(3).copied().collect();
    Pixels { is_gray: true, bytes, ..pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png_of(width: u32, height: u32, color: ColorType, pixel: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(color);
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(&pixel.repeat((width * height) as usize)).expect("the pixels");
        drop(writer);
        bytes
    }

    fn printed(bytes: &[u8], width: f32) -> Image {
        Source::read(bytes).unwrap_or_else(|error| panic!("{error}")).printed(width)
    }

    const SVG: &str = r##"<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10">
        <rect width="20" height="10" fill="#1d4e6b"/></svg>"##;

    #[test]
    fn scales_to_what_print_needs() {
        // 30 mm are 85 points.
        let logo = printed(&png_of(4000, 4000, ColorType::Rgb, &[200, 10, 10]), 85.04);
        assert_eq!((logo.width, logo.height, logo.is_gray), (355, 355, false));
        assert!(logo.deflated.len() < 10_000, "{}", logo.deflated.len());
        let small = printed(&png_of(40, 20, ColorType::Rgb, &[200, 10, 10]), 85.04);
        assert_eq!((small.width, small.height), (40, 20));
        let line = printed(&png_of(4000, 1, ColorType::Rgb, &[200, 10, 10]), 85.04);
        assert_eq!((line.width, line.height), (355, 1));
    }

    #[test]
    fn averages_the_pixels_that_each_covers() {
        assert_eq!(averaged(&[0, 100, 200], 1, 2), [33, 167]);
        assert_eq!(averaged(&[0, 255, 0, 255], 1, 2), [128, 128]);
        assert_eq!(averaged(&[1, 2, 3, 3, 4, 5], 3, 1), [2, 3, 4]);
        assert_eq!(averaged(&[7; 10], 1, 3), [7; 3]);
    }

    /// EXIF data with nothing but an orientation.
    fn exif(orientation: u8) -> [u8; 26] {
        let mut exif = *b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0";
        exif[18] = orientation;
        exif
    }

    /// The colours of its four corners, each by a letter, row by row.
    fn corners(bytes: &[u8]) -> (u32, u32, String) {
        let Ok(Source::Pixels(image)) = Source::read(bytes) else { panic!("not read") };
        let (last, below) = (image.width as usize - 1, (image.height as usize - 1) * image.width as usize);
        let letter =
            |pixel: usize| match image.bytes[pixel * 3..pixel * 3 + 3].iter().map(|channel| *channel > 127) {
                channels if channels.clone().eq([true, false, false]) => 'r',
                channels if channels.clone().eq([false, true, false]) => 'g',
                channels if channels.clone().eq([false, false, true]) => 'b',
                _ => 'w',
            };
        (image.width, image.height, [0, last, below, below + last].map(letter).iter().collect())
    }

    #[test]
    fn turns_photographs_upright() {
        let jpeg = include_bytes!("../tests/templates/corners.jpg");
        let expected = ["rgbw", "rgbw", "grwb", "wbgr", "bwrg", "rbgw", "brwg", "wgbr", "gwrb", "rgbw"];
        for (orientation, expected) in (0..).zip(expected) {
            let size = if (5..=8).contains(&orientation) { (16, 32) } else { (32, 16) };
            let mut held = jpeg[..2].to_vec();
            held.extend(b"\xff\xe1\0\x22Exif\0\0");
            held.extend(exif(orientation));
            held.extend(&jpeg[2..]);
            assert_eq!(corners(&held), (size.0, size.1, expected.to_owned()), "orientation {orientation}");
        }
        assert_eq!(corners(jpeg), (32, 16, "rgbw".to_owned()));
    }

    #[test]
    fn turns_a_png_upright_as_well() {
        let mut bytes = Vec::new();
        let mut info = png::Info::with_size(3, 2);
        info.color_type = ColorType::Grayscale;
        info.exif_metadata = Some(exif(6).to_vec().into());
        let mut writer =
            png::Encoder::with_info(&mut bytes, info).expect("right").write_header().expect("a header");
        writer.write_image_data(&[1, 2, 3, 4, 5, 6]).expect("the pixels");
        drop(writer);
        let Ok(Source::Pixels(image)) = Source::read(&bytes) else { panic!("not read") };
        assert_eq!((image.width, image.height, image.bytes), (2, 3, vec![4, 1, 5, 2, 6, 3]));
    }

    #[test]
    fn ignores_exif_data_that_is_broken() {
        for broken in [&b""[..], b"II*\0", b"not EXIF at all", &exif(6)[..20]] {
            assert_eq!(orientation(broken), UPRIGHT, "{broken:?}");
        }
    }

    #[test]
    fn gray_stays_one_channel() {
        for (color, pixel) in [
            (ColorType::Grayscale, &[100][..]),
            (ColorType::GrayscaleAlpha, &[100, 200]),
            (ColorType::Rgb, &[100; 3]),
            (ColorType::Rgba, &[100; 4]),
        ] {
            assert!(printed(&png_of(500, 500, color, pixel), 85.0).is_gray, "{color:?}");
        }
        assert!(!printed(&png_of(5, 5, ColorType::Rgba, &[9, 8, 7, 255]), 85.0).is_gray);
    }

    #[test]
    fn draws_an_svg_at_the_resolution_of_print() {
        let logo = printed(SVG.as_bytes(), 72.0);
        assert_eq!((logo.width, logo.height, logo.is_gray), (300, 150, false));
        let spire = SVG.replace("0 0 20 10", "0 0 1 400");
        let spire = printed(spire.as_bytes(), 72.0);
        assert_eq!((spire.width, spire.height), (10, 4000));
    }

    #[test]
    fn refuses_what_would_be_missing_or_wrong_on_the_page() {
        let with = |element: &str| SVG.replace("</svg>", &format!("{element}</svg>"));
        for (bytes, expected) in [
            (with("<g><text>Butikk</text></g>").into_bytes(), "convert them to paths"),
            (with("<image href='a.png'/>").into_bytes(), "use the PNG or JPEG itself"),
            (b"<svg".to_vec(), "save it again as plain SVG"),
            (b"<html/>".to_vec(), "save it again as plain SVG"),
            (b"GIF89a".to_vec(), "not a PNG, JPEG or SVG image"),
            (b"\x89PNG\r\n\x1a\n".to_vec(), "not a PNG image that can be read"),
            (b"\xff\xd8\xff\xe0".to_vec(), "not a JPEG image that can be read"),
            (Vec::new(), "not a PNG, JPEG or SVG image"),
        ] {
            let error = Source::read(&bytes).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn reads_data_uris_of_pixels_alone() {
        let uri = |kind: &str, bytes: &[u8]| format!("data:image/{kind};base64,{}", BASE64.encode(bytes));
        let png = png_of(4, 2, ColorType::Rgb, &[9, 8, 7]);
        let image = Image::from_uri(&uri("png", &png), 85.0).expect("an image");
        assert_eq!((image.width, image.height), (4, 2));
        for refused in [
            uri("svg+xml", SVG.as_bytes()),
            uri("png", SVG.as_bytes()),
            uri("gif", &png),
            "data:image/png;base64,%".into(),
        ] {
            assert!(Image::from_uri(&refused, 85.0).is_none(), "{refused}");
        }
    }
}
