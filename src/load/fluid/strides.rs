//! Many steps at once: what becomes of the arrivals of a quiet hour, minute by minute, in one loop.

use super::quiet::Run;
use super::{Epoch, Fluid, add_work};
use crate::base::time::{SimSpan, SimTime};
use crate::load::Stride;
use crate::model::arrival::TraceProblem;
use crate::model::traffic::RateSegment;

impl Fluid {
    /// As steps of [`Fluid::advance`] from `at` on, as far as each is a segment of its own that the one flow of all targets
    /// answers as it comes; says how far that is.
    #[inline]
    pub fn pass_segments(
        &mut self,
        at: SimTime,
        step: SimSpan,
        to: SimTime,
        tell: &mut impl FnMut(Stride),
    ) -> Result<SimTime, TraceProblem> {
        let is_at_the_end = self.now == at && self.arrivals.segment().end == at;
        if !is_at_the_end || !self.is_plain() || self.problem.is_some() {
            return Ok(at);
        }
        let to = to.min(self.next_slow_step);
        let Fluid { flows, arrivals, ledger, latency, cpu, measures, epoch, now, .. } = self;
        let [flow] = flows.as_mut_slice() else { return Ok(at) };
        let Some(pass) = flow.passes(step.0) else { return Ok(at) };
        let is_asked = latency.is_asked();
        let (mut end, mut sum, mut errors, mut last) = (at, 0, 0, None);
        let (gauge, mut run) = (flow.gauge(), Run::EMPTY);
        while end + step <= to {
            let most = pass.possible.min(u64::MAX - sum);
            let Some(micro) = arrivals.take_even(step.0, most) else { break };
            end = end + step;
            sum += micro;
            errors += pass.errors(micro);
            *cpu = add_work(*cpu, micro, pass.cpu_ns);
            let (_, rho) = gauge.of(micro);
            if micro > 0
                && let Some(before) = run.add(rho, micro)
            {
                flow.answered(before, is_asked);
            }
            let segment = RateSegment { start: SimTime(end.0 - step.0), end, micro };
            tell(Stride { end, cpu_nanos: cpu.0, segment });
            last = Some(segment);
        }
        let Some(last) = last else { return Ok(at) };
        arrivals.took(last, sum)?;
        if let Some(before) = run.end() {
            flow.answered(before, is_asked);
        }
        flow.pass(last.micro, pass.errors(last.micro));
        if *measures {
            flow.parts.iter_mut().for_each(|part| part.work(sum));
        }
        ledger.served(pass.pool, sum, errors);
        *now = end;
        *epoch = Epoch { start: last.start, end, before: 0 };
        Ok(end)
    }
}
