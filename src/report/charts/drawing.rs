//! A drawing: shapes in the order in which they are painted, in pixels of a 1600 × 900 page. Pure data.
//!
//! Invariant: every coordinate is finite; [`Drawing`] asserts it on the way in.

/// Width of the page.
pub const WIDTH: f64 = 1600.0;
/// Height of the page.
pub const HEIGHT: f64 = 900.0;

/// Red, green, blue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Color(pub u8, pub u8, pub u8);

/// Colours that people with any kind of colour vision can tell apart: Okabe and Ito (2008) for lines, Paul Tol's
/// "muted" (2021) for the parts of a whole.
pub mod palette {
    use super::Color;

    pub const INK: Color = Color(0x1f, 0x29, 0x33);
    pub const SOFT_INK: Color = Color(0x52, 0x60, 0x6d);
    pub const GRID: Color = Color(0xe4, 0xe7, 0xeb);
    pub const AXIS: Color = Color(0x9a, 0xa5, 0xb1);
    pub const PAPER: Color = Color(0xff, 0xff, 0xff);
    pub const FREE: Color = Color(0xe4, 0xe7, 0xeb);
    pub const BLUE: Color = Color(0x00, 0x72, 0xb2);
    pub const PALE_BLUE: Color = Color(0xd3, 0xe7, 0xf3);
    pub const ORANGE: Color = Color(0xd5, 0x5e, 0x00);
    pub const GREEN: Color = Color(0x00, 0x9e, 0x73);
    pub const AMBER: Color = Color(0xe6, 0x9f, 0x00);
    pub const GREY: Color = Color(0x7b, 0x87, 0x94);
    pub const CLAIM: Color = Color(0xf6, 0xe3, 0xc5);
    pub const PALE_GREY: Color = Color(0xf0, 0xf2, 0xf5);
    pub const PARTS: [Color; 9] = [
        Color(0x33, 0x22, 0x88),
        Color(0x88, 0xcc, 0xee),
        Color(0x44, 0xaa, 0x99),
        Color(0xdd, 0xcc, 0x77),
        Color(0xcc, 0x66, 0x77),
        Color(0x11, 0x77, 0x33),
        Color(0xaa, 0x44, 0x99),
        Color(0x99, 0x99, 0x33),
        Color(0x88, 0x22, 0x55),
    ];
    pub const OTHERS: Color = Color(0x7b, 0x87, 0x94);
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    Start,
    Middle,
    End,
}

/// How a text is set.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Type {
    /// Font size in pixels.
    pub size: f64,
    pub bold: bool,
    pub color: Color,
    pub align: Align,
}

impl Type {
    pub const fn new(size: f64, color: Color) -> Type {
        Type { size, bold: false, color, align: Align::Start }
    }

    pub const fn bold(self) -> Type {
        Type { bold: true, ..self }
    }

    pub const fn align(self, align: Align) -> Type {
        Type { align, ..self }
    }
}

/// A point: pixels from the left, pixels from the top.
pub type Point = (f64, f64);

#[derive(Clone, PartialEq, Debug)]
pub enum Shape {
    Rect {
        from: Point,
        to: Point,
        fill: Color,
    },
    Line {
        points: Vec<Point>,
        width: f64,
        color: Color,
    },
    /// `opacity` is from 0 to 1.
    Area {
        points: Vec<Point>,
        fill: Color,
        opacity: f64,
    },
    Dot {
        at: Point,
        radius: f64,
        fill: Color,
    },
    /// `at` is on the base line.
    Text {
        at: Point,
        text: String,
        set: Type,
    },
}

/// Shapes, and what the drawing shows in a sentence (for those who cannot see it).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Drawing {
    pub shapes: Vec<Shape>,
    pub title: String,
}

impl Drawing {
    pub fn rect(&mut self, from: Point, to: Point, fill: Color) {
        check(&[from, to]);
        self.shapes.push(Shape::Rect { from, to, fill });
    }

    pub fn line(&mut self, points: Vec<Point>, width: f64, color: Color) {
        check(&points);
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points, width, color });
        }
    }

    /// A straight dashed line.
    pub fn dashes(&mut self, from: Point, to: Point, width: f64, color: Color) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = (dx * dx + dy * dy).sqrt();
        let count = (length / 10.0).ceil().clamp(1.0, 400.0);
        for index in 0..count as u32 {
            let (start, end) = (f64::from(index) / count, (f64::from(index) + 0.6) / count);
            let at = |share: f64| (from.0 + dx * share, from.1 + dy * share);
            self.line(vec![at(start), at(end)], width, color);
        }
    }

    pub fn area(&mut self, points: Vec<Point>, fill: Color) {
        self.shade(points, fill, 1.0);
    }

    /// An area through which others can be seen.
    pub fn veil(&mut self, points: Vec<Point>, fill: Color) {
        self.shade(points, fill, 0.18);
    }

    fn shade(&mut self, points: Vec<Point>, fill: Color, opacity: f64) {
        check(&points);
        if points.len() > 2 {
            self.shapes.push(Shape::Area { points, fill, opacity });
        }
    }

    pub fn dot(&mut self, at: Point, radius: f64, fill: Color) {
        check(&[at]);
        self.shapes.push(Shape::Dot { at, radius, fill });
    }

    pub fn text(&mut self, at: Point, text: impl Into<String>, set: Type) {
        check(&[at]);
        self.shapes.push(Shape::Text { at, text: text.into(), set });
    }
}

fn check(points: &[Point]) {
    let finite = points.iter().all(|(x, y)| x.is_finite() && y.is_finite());
    assert!(finite, "only finite coordinates are drawn");
}

#[cfg(test)]
mod tests {
    use super::palette::{AMBER, BLUE, GREEN, GREY, INK, ORANGE};
    use super::*;

    /// Linear RGB as people see it who lack cones for red or for green (Machado and others, 2009).
    const EYES: [[[f64; 3]; 3]; 3] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    ];
    const TO_XYZ: [[f64; 3]; 3] = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ];

    fn times(matrix: &[[f64; 3]; 3], by: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(by).map(|(a, b)| a * b).sum())
    }

    /// CIE L*a*b* of a colour in these eyes.
    fn lab(color: Color, eyes: &[[f64; 3]; 3]) -> [f64; 3] {
        let linear = [color.0, color.1, color.2].map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        let xyz = times(&TO_XYZ, times(eyes, linear).map(|part| part.clamp(0.0, 1.0)));
        let white = [0.95047, 1.0, 1.08883];
        let [x, y, z] = [0, 1, 2].map(|i| {
            let t: f64 = xyz[i] / white[i];
            if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 }
        });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn lines_of_one_chart_can_be_told_apart_by_the_colour_blind() {
        let lines = [INK, BLUE, ORANGE, GREEN, AMBER, GREY];
        for eyes in &EYES {
            for (index, one) in lines.iter().enumerate() {
                for other in &lines[..index] {
                    let (a, b) = (lab(*one, eyes), lab(*other, eyes));
                    let far = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
                    assert!(far > 18.0, "{one:?} and {other:?}: {far:.1}");
                }
            }
        }
    }
}
