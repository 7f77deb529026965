//! L7, the report: everything that a run hands to people and other programs. It turns finished results into
//! tables, pictures and text and publishes them as one folder; it computes no result of its own.

pub mod allocation_tables;
pub mod answer;
pub mod bill_tables;
pub mod bill_view;
pub mod breakeven;
pub mod breakeven_map;
pub mod breakeven_marks;
pub mod breakeven_page;
pub mod calibration;
pub mod charts;
pub mod compare;
pub mod csv;
pub mod error;
pub mod files;
pub mod focus;
pub mod folder;
pub mod human;
pub mod manifest;
pub mod measured;
pub mod plan;
pub mod reference;
pub mod regret;
pub mod replications;
pub mod sensitivity;
pub mod series;
pub mod services;
pub mod steady;
pub mod summary;
pub mod sweep;
pub mod tables;
mod target;
