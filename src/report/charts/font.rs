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
    cut(human::visible(text).chars(), set, room).into_iter().collect()
}

/// As [`fit`], but both ends are kept: names often share their beginnings, and revisions stand at the end.
pub fn fit_middle(text: &str, set: Type, room: f64) -> String {
    let text = human::visible(text);
    if width(&text, set) <= room {
        return text;
    }
    let head = cut(text.chars(), set, room * 0.55);
    let rest = room - head.iter().map(|c| width(c.encode_utf8(&mut [0; 4]), set)).sum::<f64>();
    // The ellipsis of the head is enough for both.
    let mut tail = cut(text.chars().rev(), set, rest + width("…", set));
    tail.pop();
    head.into_iter().chain(tail.into_iter().rev()).collect()
}

/// As [`fit`], but the end is kept: names of instances differ there.
pub fn fit_end(text: &str, set: Type, room: f64) -> String {
    cut(human::visible(text).chars().rev(), set, room).into_iter().rev().collect()
}

/// As many of the first characters as there is room for; an ellipsis after them where some are left out.
fn cut(text: impl Iterator<Item = char>, set: Type, room: f64) -> Vec<char> {
    let wide = |c: char| width(c.encode_utf8(&mut [0; 4]), set);
    let ellipsis = wide('…');
    let (mut kept, mut used, mut kept_with_ellipsis) = (Vec::new(), 0.0, 0);
    for c in text {
        used += wide(c);
        if used > room {
            kept.truncate(kept_with_ellipsis);
            while kept.last() == Some(&' ') {
                kept.pop();
            }
            kept.push('…');
            return kept;
        }
        kept.push(c);
        if used + ellipsis <= room {
            kept_with_ellipsis = kept.len();
        }
    }
    kept
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::drawing::palette;

    const SET: Type = Type::new(18.0, palette::INK);

    #[test]
    fn a_text_is_cut_to_its_room_and_no_more() {
        for text in ["a", "some words with spaces", &"long ".repeat(1_000), "\u{1b}\u{0}"] {
            for room in [0.0, 10.0, 50.0, 200.0, 1e9] {
                for short in [fit(text, SET, room), fit_end(text, SET, room)] {
                    assert!(width(&short, SET) <= room.max(width("…", SET)), "{short}");
                    assert_eq!(short.contains('…'), width(&human::visible(text), SET) > room);
                }
            }
        }
    }
}
