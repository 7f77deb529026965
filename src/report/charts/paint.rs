//! A drawing as SVG or PNG, by the backends of plotters. Same drawing, same bytes, on every machine.

use super::drawing::{Align, Color, Drawing, HEIGHT, Point, Shape, Type, WIDTH};
use super::font::{FAMILY, pixels, width};
use crate::report::human;
use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color as _, FontDesc, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle,
};
use plotters_backend::{BackendColor, BackendCoord, DrawingBackend, DrawingErrorKind};

/// Backends take whole pixels, so everything is painted twice as large: SVG then has half pixels, and PNG is
/// averaged down, which smooths its edges.
const SCALE: u32 = 2;
const PAGE: (u32, u32) = (WIDTH as u32, HEIGHT as u32);
const CANVAS: (u32, u32) = (PAGE.0 * SCALE, PAGE.1 * SCALE);

/// The drawing as an SVG document.
pub fn svg(drawing: &Drawing) -> String {
    let mut text = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut text, CANVAS);
        paint(drawing, &mut backend);
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
        paint(drawing, &mut backend);
        backend.present().expect("memory takes every shape");
    }
    let page = averaged_down(&canvas);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, PAGE.0, PAGE.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Default);
    encoder.set_filter(png::FilterType::Up);
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

/// What the two backends do differently.
trait Ink: DrawingBackend {
    /// A text on its base line; the backend's own base lines and spaces between letters differ.
    fn ink_text(&mut self, at: Point, text: &str, set: Type) -> Painted<Self>;

    /// A line through the points.
    fn ink_line(&mut self, points: &[Point], width: f64, color: RGBColor) -> Painted<Self>;
}

type Painted<B> = Result<(), DrawingErrorKind<<B as DrawingBackend>::ErrorType>>;

impl Ink for SVGBackend<'_> {
    fn ink_text(&mut self, at: Point, text: &str, set: Type) -> Painted<Self> {
        let across = match set.align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        let style = if set.bold { FontStyle::Bold } else { FontStyle::Normal };
        // plotters takes the height of a line, which it holds to be 1.24 times the font size.
        let size = set.size * f64::from(SCALE) * 1.24;
        let font = FontDesc::new(FontFamily::Name(FAMILY), size, style);
        let color = rgb(set.color);
        let style = TextStyle::from(font).color(&color).pos(Pos::new(across, VPos::Top));
        // With the anchor at the top it puts the base line 0.76 font sizes below.
        self.draw_text(text, &style, place((at.0, at.1 - 0.76 * set.size)))
    }

    fn ink_line(&mut self, points: &[Point], width: f64, color: RGBColor) -> Painted<Self> {
        let stroke_width = (width * f64::from(SCALE)).round() as u32;
        let style = ShapeStyle { color: color.into(), filled: false, stroke_width };
        self.draw_path(points.iter().copied().map(place), &style)
    }
}

impl Ink for BitMapBackend<'_> {
    fn ink_text(&mut self, at: Point, text: &str, set: Type) -> Painted<Self> {
        let shift = match set.align {
            Align::Start => 0.0,
            Align::Middle => width(text, set) / 2.0,
            Align::End => width(text, set),
        };
        let scale = f64::from(SCALE);
        let start = ((at.0 - shift) * scale, at.1 * scale);
        let set = Type { size: set.size * scale, ..set };
        let Color(r, g, b) = set.color;
        let mut painted = Ok(());
        pixels(text, set, start, |x, y, coverage| {
            let color = BackendColor { alpha: f64::from(coverage.min(1.0)), rgb: (r, g, b) };
            if painted.is_ok() {
                painted = self.draw_pixel((x, y), color);
            }
        });
        painted
    }

    /// Piece by piece: plotters' own wide lines break up where they turn at every few pixels.
    fn ink_line(&mut self, points: &[Point], width: f64, color: RGBColor) -> Painted<Self> {
        let half = width / 2.0;
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            if x0 == x1 || y0 == y1 {
                let from = place((x0.min(x1) - half, y0.min(y1) - half));
                let to = place((x0.max(x1) + half, y0.max(y1) + half));
                self.draw_rect(from, to, &color, true)?;
            } else {
                let stroke_width = (width * f64::from(SCALE)).round() as u32;
                let style = ShapeStyle { color: color.into(), filled: false, stroke_width };
                self.draw_path([place(pair[0]), place(pair[1])], &style)?;
            }
        }
        Ok(())
    }
}

fn paint<B: Ink>(drawing: &Drawing, backend: &mut B) {
    backend.ensure_prepared().expect("memory is always ready");
    for shape in &drawing.shapes {
        let painted = match shape {
            Shape::Rect { from, to, fill } => {
                backend.draw_rect(place(*from), place(*to), &rgb(*fill), true)
            }
            Shape::Line { points, width, color } => backend.ink_line(points, *width, rgb(*color)),
            Shape::Area { points, fill, opacity } => {
                let fill = rgb(*fill).mix(*opacity);
                backend.fill_polygon(points.iter().copied().map(place), &fill)
            }
            Shape::Dot { at, radius, fill } => {
                let radius = (radius * f64::from(SCALE)).round() as u32;
                backend.draw_circle(place(*at), radius, &rgb(*fill), true)
            }
            // Control characters are not XML, and have no picture.
            Shape::Text { at, text, set } => backend.ink_text(*at, &human::visible(text), *set),
        };
        painted.expect("memory takes every shape");
    }
}

fn place(point: Point) -> BackendCoord {
    let scaled = |value: f64| (value * f64::from(SCALE)).round() as i32;
    (scaled(point.0), scaled(point.1))
}

fn rgb(color: Color) -> RGBColor {
    RGBColor(color.0, color.1, color.2)
}
