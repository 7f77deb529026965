//! Where a caller's tasks come from: a trace or a generator. Traces are not opened here.

use super::Build;
use crate::base::distribution::Distribution;
use crate::base::time::{LATEST, SimTime};
use crate::model::workload::{
    Bursts, GeneratorSpec, OnRowError, Order, RateShape, SizeShare, TraceFormat, TraceInput,
    Workload,
};
use crate::scenario::sections::TRACE_KEYS;
use crate::scenario::settings::Settings;

impl Build<'_> {
    pub(super) fn workload(&mut self, settings: &Settings, name: &str) -> Option<Workload> {
        match (settings.is_given("trace"), settings.is_given("generate")) {
            (true, true) => {
                let message = "`generate` and `trace` exclude each other";
                self.error(settings.place_of("generate"), message);
                None
            }
            (false, false) => {
                let message = "a `run_task` needs `trace` or `generate`";
                self.error(settings.place, message);
                None
            }
            (true, false) => {
                let path = settings.text("trace")?.to_string();
                self.trace(settings, &path).map(Workload::Trace)
            }
            (false, true) => {
                for key in TRACE_KEYS.into_iter().filter(|key| settings.is_given(key)) {
                    let message = format!("`{key}` is about traces, but the tasks are generated");
                    self.error(settings.place_of(key), message);
                }
                let generate = settings.table("generate")?.clone();
                self.generator(settings, &generate, name).map(Workload::Generated)
            }
        }
    }

    fn trace(&mut self, settings: &Settings, written: &str) -> Option<TraceInput> {
        let path = self.resolve(written);
        self.is_file(&path, written, settings.value_place("trace"));
        let name = settings.text("format")?;
        let format = TraceFormat::ALL.into_iter().find(|(_, known)| *known == name)?.0;
        if format != TraceFormat::Swf && settings.is_given("swf_task_per_processor") {
            let message = "`swf_task_per_processor` is about the format `swf`";
            self.error(settings.place_of("swf_task_per_processor"), message);
        }
        Some(TraceInput {
            path,
            display: written.to_string(),
            format,
            on_error: match settings.text("on_error")? {
                "skip" => OnRowError::Skip,
                _ => OnRowError::Fail,
            },
            order: settings.text("order").map(|order| match order {
                "sort" => Order::Sort,
                _ => Order::Strict,
            }),
            time_scale_ppm: (settings.number("time_scale")? * 1e6).round() as u64,
            limit: settings.whole("limit"),
            cpu_of_one: settings.whole32("cpu_of_one")?,
            memory_mib_of_one: settings.whole32("memory_of_one")?,
            default_memory_mib: settings.whole32("default_memory")?,
            default_cpu: settings.whole32("default_cpu")?,
            default_duration: settings.span("default_duration"),
            rows_give_size: !settings.is_given("task_definition"),
            swf_task_per_processor: settings.flag("swf_task_per_processor"),
            max_expanded_bytes: settings.whole("max_expanded_gib")? << 30,
            max_rows: settings.whole("max_rows")?,
        })
    }

    fn generator(
        &mut self,
        caller: &Settings,
        settings: &Settings,
        name: &str,
    ) -> Option<GeneratorSpec> {
        let until = settings.span("until").map(|span| SimTime(span.0)).or(self.horizon);
        let limit = settings.whole("limit");
        let meant = settings.is_given("until") || settings.is_given("limit") || self.has_duration;
        if !meant {
            let message = "`generate` has no end";
            let help = "give it `until` or `limit`, or give the simulation a `duration`";
            self.error_with_help(settings.place, message, help);
        }
        let sizes: Vec<SizeShare> = settings
            .tables("sizes")
            .filter_map(|size| {
                Some(SizeShare {
                    cpu: size.whole32("cpu")?,
                    memory: size.whole32("memory")?,
                    gpus: size.whole16("gpus")?,
                    weight: size.number("weight")?,
                })
            })
            .collect();
        if !sizes.is_empty() && sizes.iter().all(|size| size.weight == 0.0) {
            self.error(settings.value_place("sizes"), "all weights of the sizes are 0");
        }
        if sizes.is_empty() && !settings.is_given("sizes") && !caller.is_given("task_definition") {
            let message = "the generated tasks have no size";
            let help = "give `generate` its `sizes`, or name a `task_definition`";
            self.error_with_help(settings.place, message, help);
        }
        let bursts = settings.table("bursts").and_then(|bursts| {
            Some(Bursts {
                factor: bursts.number("factor")?,
                mean_gap_s: bursts.span("mean_gap")?.to_secs_f64(),
                mean_length_s: bursts.span("mean_length")?.to_secs_f64(),
            })
        });
        Some(GeneratorSpec {
            name: name.to_string(),
            until: until.unwrap_or(LATEST),
            limit,
            rate: RateShape {
                per_second: settings.number("per_second").unwrap_or(1.0),
                daily_depth: settings.number("daily_depth")?,
                daily_peak_s: settings.span("daily_peak")?.to_secs_f64(),
                weekend_factor: settings.number("weekend_factor")?,
                bursts,
            },
            poisson: settings.text("process") != Some("even"),
            sizes,
            duration: settings.distribution("duration").cloned(),
            count: settings.distribution("count").cloned().unwrap_or(Distribution::Constant(1.0)),
            failure_ppm: (settings.number("failure_percent")? * 1e4).round() as u32,
        })
    }
}
