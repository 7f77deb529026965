//! A drawing as SVG or PNG, by the backends of plotters. Same drawing, same bytes, on every machine.

use super::drawing::{Align, Color, Drawing, HEIGHT, Point, Shape, Type, WIDTH, font};
use crate::report::human;
use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{RGBColor, ShapeStyle, TextStyle};
use plotters_backend::{BackendCoord, DrawingBackend};

/// Backends take whole pixels, so everything is painted twice as large: SVG then has half pixels, and PNG is
/// averaged down, which smooths its edges.
const SCALE: u32 = 2;
const PAGE: (u32, u32) = (WIDTH as u32, HEIGHT as u32);
const CANVAS: (u32, u32) = (PAGE.0 * SCALE, PAGE.1 * SCALE);

/// How far below the point given to the backend the base line is, with the anchor at the top, in font sizes.
/// These are constants in the source of plotters 0.3.7.
const SVG_BASE_LINE: f64 = 0.76;
const BITMAP_BASE_LINE: f64 = 0.62;

/// The drawing as an SVG document.
pub fn svg(drawing: &Drawing) -> String {
    let mut text = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut text, CANVAS);
        paint(drawing, &mut backend, SVG_BASE_LINE);
        backend.present().expect("a string takes every shape");
    }
    // The size on the page is the logical one; the title is what screen readers say.
    let end = text.find('>').expect("the document starts with its root element") + 1;
    let head = format!(
        "<svg width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n<title>{}</title>",
        PAGE.0,
        PAGE.1,
        CANVAS.0,
        CANVAS.1,
        escaped(&drawing.title)
    );
    text.replace_range(..end, &head);
    text
}

fn escaped(text: &str) -> String {
    human::visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The drawing as a PNG file of 1600 × 900 pixels.
pub fn png(drawing: &Drawing) -> Vec<u8> {
    let mut canvas = vec![0xff; (CANVAS.0 * CANVAS.1 * 3) as usize];
    {
        let mut backend = BitMapBackend::with_buffer(&mut canvas, CANVAS);
        paint(drawing, &mut backend, BITMAP_BASE_LINE);
        backend.present().expect("memory takes every shape");
    }
    let page = averaged_down(&canvas);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, PAGE.0, PAGE.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Default);
    encoder.set_filter(png::FilterType::Paeth);
    let mut writer = encoder.write_header().expect("memory takes every byte");
    writer.write_image_data(&page).expect("the image has the size that was announced");
    writer.finish().expect("memory takes every byte");
    file
}

/// Each pixel the mean of the `SCALE` × `SCALE` that it stands for.
fn averaged_down(canvas: &[u8]) -> Vec<u8> {
    let row = (CANVAS.0 * 3) as usize;
    let mut page = Vec::with_capacity((PAGE.0 * PAGE.1 * 3) as usize);
    for pair in canvas.chunks_exact(2 * row) {
        let (upper, lower) = pair.split_at(row);
        for (above, below) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
            for channel in 0..3 {
                let sum = [above[channel], above[channel + 3], below[channel], below[channel + 3]];
                page.push((sum.into_iter().map(u32::from).sum::<u32>() / 4) as u8);
            }
        }
    }
    page
}

fn paint<B: DrawingBackend>(drawing: &Drawing, backend: &mut B, base_line: f64) {
    backend.ensure_prepared().ok().expect("memory is always ready");
    for shape in &drawing.shapes {
        let painted = match shape {
            Shape::Rect { from, to, fill } => {
                let (from, mut to) = (place(*from), place(*to));
                // The bitmap backend paints the last column and row too, which belong to the neighbour.
                if base_line == BITMAP_BASE_LINE {
                    to = (to.0 - 1, to.1 - 1);
                }
                if to.0 < from.0 || to.1 < from.1 {
                    continue;
                }
                backend.draw_rect(from, to, &rgb(*fill), true)
            }
            Shape::Line { points, width, color } => {
                let stroke_width = (width * f64::from(SCALE)).round() as u32;
                let style = ShapeStyle { color: rgb(*color).into(), filled: false, stroke_width };
                backend.draw_path(points.iter().copied().map(place), &style)
            }
            Shape::Area { points, fill } => {
                backend.fill_polygon(points.iter().copied().map(place), &rgb(*fill))
            }
            Shape::Dot { at, radius, fill } => {
                let radius = (radius * f64::from(SCALE)).round() as u32;
                backend.draw_circle(place(*at), radius, &rgb(*fill), true)
            }
            Shape::Text { at, text, set } => write(backend, *at, text, *set, base_line),
        };
        painted.ok().expect("memory takes every shape, and the font is registered");
    }
}

fn write<B: DrawingBackend>(
    backend: &mut B,
    at: Point,
    text: &str,
    set: Type,
    base_line: f64,
) -> Result<(), plotters_backend::DrawingErrorKind<B::ErrorType>> {
    let across = match set.align {
        Align::Start => HPos::Left,
        Align::Middle => HPos::Center,
        Align::End => HPos::Right,
    };
    let color = rgb(set.color);
    let style =
        TextStyle::from(font(set, f64::from(SCALE))).color(&color).pos(Pos::new(across, VPos::Top));
    let top = (at.0, at.1 - base_line * set.size);
    // Control characters are not XML, and have no picture.
    backend.draw_text(&human::visible(text), &style, place(top))
}

fn place(point: Point) -> BackendCoord {
    let scaled = |value: f64| (value * f64::from(SCALE)).round() as i32;
    (scaled(point.0), scaled(point.1))
}

fn rgb(color: Color) -> RGBColor {
    RGBColor(color.0, color.1, color.2)
}
