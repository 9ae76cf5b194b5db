//! PNG images, made ready for the page: on white, three bytes a pixel, deflated once.

use png::{ColorType, Decoder, Transformations};

/// An image of a template.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Red, green, blue, row by row from the top, deflated.
    pub(crate) deflated: Vec<u8>,
}

/// Why an image cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    #[error("not a PNG image: convert it to PNG")]
    NotPng(#[from] png::DecodingError),
    #[error("larger than 4000 × 4000 pixels: make it smaller")]
    TooLarge,
}

const MOST_PIXELS: u32 = 4000;

impl Image {
    /// Reads a PNG. What is transparent becomes white, the colour of the page.
    pub(crate) fn from_png(bytes: &[u8]) -> Result<Self, ImageError> {
        let mut decoder = Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(Transformations::normalize_to_color8());
        // Before anything is made ready for the pixels, which a few bytes may say are billions.
        let (width, height) = decoder.read_header_info()?.size();
        if width > MOST_PIXELS || height > MOST_PIXELS {
            return Err(ImageError::TooLarge);
        }
        let mut reader = decoder.read_info()?;
        let mut pixels = vec![0; reader.output_buffer_size().ok_or(ImageError::TooLarge)?];
        let frame = reader.next_frame(&mut pixels)?;
        pixels.truncate(frame.buffer_size());
        let on_white = |channel: u8, alpha: u8| {
            let (channel, alpha) = (u16::from(channel), u16::from(alpha));
            ((channel * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let rgb: Vec<u8> = match frame.color_type {
            ColorType::Grayscale => pixels.iter().flat_map(|gray| [*gray; 3]).collect(),
            ColorType::GrayscaleAlpha => {
                pixels.chunks_exact(2).flat_map(|pixel| [on_white(pixel[0], pixel[1]); 3]).collect()
            }
            ColorType::Rgba => pixels
                .chunks_exact(4)
                .flat_map(|pixel| [0, 1, 2].map(|i| on_white(pixel[i], pixel[3])))
                .collect(),
            ColorType::Rgb | ColorType::Indexed => pixels,
        };
        Ok(Self { width, height, deflated: crate::deflate::deflate(&rgb) })
    }

    /// Height divided by width.
    pub(crate) fn aspect(&self) -> f32 {
        self.height as f32 / self.width as f32
    }
}
