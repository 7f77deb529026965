//! The font of the charts: part of the program, so that a text has the same width and look on every machine.

use super::drawing::Type;
use crate::report::human;
use ab_glyph::{Font, FontRef, PxScale, ScaleFont};
use std::sync::OnceLock;

/// The family in SVG files. The program's own font has the widths of these three, so what was measured here
/// holds wherever one of them is installed.
pub const FAMILY: &str = "Helvetica, Arial, Liberation Sans, sans-serif";

fn font(set: Type) -> &'static FontRef<'static> {
    static FONTS: OnceLock<[FontRef<'static>; 2]> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| {
        let files: [&'static [u8]; 2] =
            [include_bytes!("font/regular.ttf"), include_bytes!("font/bold.ttf")];
        files.map(|bytes| FontRef::try_from_slice(bytes).expect("the font in the program is one"))
    });
    &fonts[usize::from(set.bold)]
}

/// The scale at which one em is `size` pixels.
fn scale(font: &FontRef<'_>, size: f64) -> PxScale {
    let em = font.units_per_em().expect("an outline font has an em");
    PxScale::from(size as f32 * font.height_unscaled() / em)
}

/// Width of a text in pixels.
pub fn width(text: &str, set: Type) -> f64 {
    let font = font(set);
    let scaled = font.as_scaled(scale(font, set.size));
    f64::from(text.chars().map(|c| scaled.h_advance(font.glyph_id(c))).sum::<f32>())
}

/// The text made visible and, where it is wider than `room`, cut with an ellipsis.
pub fn fit(text: &str, set: Type, room: f64) -> String {
    // Nothing that is shown is longer; this bounds the work on a hostile name.
    let text: String = human::visible(text).chars().take(400).collect();
    if width(&text, set) <= room {
        return text;
    }
    let mut kept: Vec<char> = text.chars().collect();
    loop {
        kept.pop();
        let short = kept.iter().collect::<String>().trim_end().to_string() + "…";
        if kept.is_empty() || width(&short, set) <= room {
            return short;
        }
    }
}

/// Calls `ink` with (x, y, coverage from 0 to 1) for each pixel of a text whose base line starts at `(x, y)`.
pub fn pixels(text: &str, set: Type, (x, y): (f64, f64), mut ink: impl FnMut(i32, i32, f32)) {
    let font = font(set);
    let scale = scale(font, set.size);
    let mut pen = x as f32;
    for c in text.chars() {
        let id = font.glyph_id(c);
        let glyph = id.with_scale_and_position(scale, ab_glyph::point(pen, y as f32));
        pen += font.as_scaled(scale).h_advance(id);
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let corner = outline.px_bounds().min;
        outline.draw(|dx, dy, coverage| {
            ink(corner.x as i32 + dx as i32, corner.y as i32 + dy as i32, coverage);
        });
    }
}
