//! `ecsim` replays task traces and the traffic of services through a model of Amazon ECS on EC2 fleets and Fargate:
//! what is placed where, how long it waits, which requests are served, what it costs. Same scenario, seed and version:
//! same bytes.
//!
//! This page is the architecture: read it first, it takes ten minutes. `README.md` is for users,
//! `scenarios/README.md` lists every key that goes in, `output/README.md` every column that comes out.
//!
//! # Bird's eye
//!
//! ```text
//!  scenario.toml ──► scenario ──► Setup (plain data) ─┐
//!                       └───────► Workload ──► trace ─┤ rows in order of arrival, rates of requests, failures:
//!                                                     │ read as they are needed
//!                                                     ▼
//!                                   sim::run: one thread, one clock, one order of events
//!                                     │                               │
//!                                     ▼ streamed while it goes on     ▼ when it has ended
//!                          tasks, timeseries, services, scaling,   RunResult: summary, bill, series, picture,
//!                          deployments, events, …                  reports of services
//!                                     └──────────────► report ◄───────┘
//!                                  output folder: built aside, synced, renamed into place
//! ```
//!
//! [`cli`] reads the arguments, [`scenario::load`] turns the file into a [`Scenario`](scenario::Scenario) or a list
//! of everything that is wrong with it, [`experiment`] opens its traces and calls [`sim::run`] once a seed,
//! [`report`] publishes the folder. A program that uses the library enters at any of these; see the end of this page.
//!
//! # How an event flows
//!
//! ```text
//!  earlier of (head of the trace, head of the queue)
//!     │ clock = its instant
//!     ▼
//!  World::arrive / World::dispatch ──► a room, with the parts that it may touch ──► Books::saw(change)
//!     │ Cluster or Fargate has got something back, and a caller waits
//!     ▼ one Control event for this instant
//!  Calls::serve_queues, once, on the settled state
//!     ▼
//!  Cluster::choose(ask) ──► Choice ──► Life::place_first applies it: promise, next stage scheduled
//! ```
//!
//! What happens to services comes in two rounds, and their requests are no events:
//!
//! ```text
//!  a task ran, crashed, is healthy; a revision; desired count        every minute (every 20 s where metrics are fine)
//!     │ 1 to 5 s later, then every 10 s while there is work             │
//!     ▼ Reconcile                                                       ▼ Tick
//!  policy::service::pass(view) ──► starts, stops                     Load::advance: requests served and dropped since
//!  policy::deployment ──► stages, traffic, verdicts                     ├──► utilisation of hosts, overload, health
//!     │                                                                 └──► points ──► Scaler ──► Decision
//!     ▼ services::Drive applies them                                                         │ desired count
//!  placement as above; Load is told who may serve ◄────────────────────────────────────────┘
//! ```
//!
//! One way, no back and forth. A policy reads and returns a choice; only `sim` changes the model. Every legal step of
//! a task's life is in one table ([`model::lifecycle`]); each event is a variant of one closed enum in `sim::event`;
//! events at one instant have a total order by class ([`engine`]), which is part of the model and not an accident of
//! the queue. [`sim`] can compare all its books after every event (`ecsim run --check`, and the tests do).
//!
//! # The house
//!
//! A module uses lower layers only: never a higher one, never a sibling of its own layer.
//!
//! | Layer | Module | Its one job | What always holds; what is deliberately not there |
//! | --- | --- | --- | --- |
//! | 8 | [`cli`] | arguments to plans, outcomes to exit codes | results to stdout, all else to stderr; no rule of ECS, nothing that a library user would miss |
//! | 7 | [`report`] | tables, charts, summary, manifest, the output folder | the folder is there as a whole or not at all; nothing is computed that the run did not know; the font is part of the program |
//! | 6 | [`experiment`] | one scenario or several, one or several seeds; what they say together | parallel between runs only; results in order of the seeds; statistics are exact until a deviation is squared |
//! | 5 | [`scenario`] | TOML or JSON to a [`Setup`](sim::setup::Setup) | all errors of all files at once, each with its place; keys, types, ranges, defaults and sources in one list; opens no traces |
//! | 5 | [`trace`] | a file in a published format, or a generator, to rows | memory does not grow with the trace, unless rows must be sorted or traffic is shared or repeats; read = used + skipped, by reason |
//! | 4 | [`sim`] | binds it all: arrivals, stages, callers, services, samples, the end | the one place where a decision is applied; knows no files, no TOML, no catalogue: prices and sizes come resolved |
//! | 3 | [`policy`] | where a task goes; the cluster query language; what the service scheduler, a deployment, the autoscaler and managed scaling decide | reads the fleet and plain views, changes nothing; the fast index decides as the slow reference does; sees no price, and of metrics the points that it is handed |
//! | 3 | [`pricing`] | usage to a bill | summed exactly, priced once a line, rounded once; knows no list of prices |
//! | 3 | [`metrics`] | integrals, histograms, series, the summary | observes and never influences: switched off, the events are the same |
//! | 3 | [`load`] | how requests meet the tasks of a service, as a fluid or one by one | offered = served + dropped in whole millionths; advanced only when somebody asks: nothing of it is in the event queue |
//! | 3 | [`catalog`] | instance types, Fargate sizes, prices, with origin and date | data and look-up only; a user's price file outranks it row by row; what nobody knows is `None` |
//! | 2 | [`model`] | what exists: fleet, definitions, tasks' states, rows of work, services, traffic, scalable targets | 0 ≤ free ≤ registered on both ledgers; no policy, no bill, no files |
//! | 1 | [`engine`] | clock, queue, loop | one total order; time never goes back; generic over the event: knows no ECS |
//! | 0 | [`base`] | time, money, ids, random streams, exact decimals | integers wherever something is summed or compared; no wall clock, no hash order |
//!
//! # Where does a line belong?
//!
//! | To change or add | Go to |
//! | --- | --- |
//! | a placement strategy | a file in `policy/placement/`, a variant and a line in its `strategy.rs`, its name in `scenario/sections/calls.rs` and `scenario/build/calls.rs` |
//! | a filter of placement, a reason of refusal | `policy/placement/pipeline.rs`; `reference.rs` says it plainly, the index must follow |
//! | an operator of the cluster query language | `policy/query/` |
//! | a stage of a task, its time, what it holds meanwhile | `sim/tasks/`: `start.rs`, `stop.rs`, `latency.rs`; the legal steps: `model/lifecycle.rs` |
//! | what RunTask refuses, throttles, splits; how callers react | `sim/callers/` |
//! | how instances come, drain and go; what a promise changes | `sim/cluster/`, the one door |
//! | which tasks of a service start and stop, and when | the decision: `policy/service/`; what causes it and what follows: `sim/services/scheduler/` |
//! | when a task is healthy | instants: `policy/service/health.rs`; what follows: `sim/services/health/` |
//! | a deployment's arithmetic, stages, circuit breaker | `policy/deployment/`; applied in `sim/services/rollout/` |
//! | an alarm, a scaling policy, a cooldown | `policy/scaling/`; a new metric: [`ScalingMetric`](model::scaling::ScalingMetric) and `sim/services/load/minutes.rs` |
//! | how many instances a group gets, of which kind, and which go | `policy/capacity/` |
//! | for what tasks wait in PROVISIONING | [`WaitCause`](model::provisioning::WaitCause), `sim/fleet/waits.rs`; the clocks: `sim/tasks/line.rs` |
//! | a task that waits in PROVISIONING for capacity | `sim/tasks/line.rs`; placed and timed out by `sim/services/waiting.rs` |
//! | a task that goes to Fargate because EC2 has no room (beyond ECS) | `sim/tasks/overflow.rs`; who goes first on scale-in: `policy/service/scale_in.rs` |
//! | when a group is scaled, and what it is told | `sim/fleet/`: `managed.rs` for managed scaling, `scaled.rs` for policies of its own, `instances/` for Managed Instances |
//! | addresses of subnets: who takes one, who gets none | `sim/cluster/network.rs`; of instances `sim/fleet/addresses.rs` |
//! | roles and routes: what a task lacks to start | [`Needs::lack`](model::access::Needs::lack); for want of it or of an address it fails in `sim/tasks/refuse.rs` |
//! | when instances that are well are replaced | the decision: `policy/capacity/`: `refresh.rs`, `lifetime.rs`; `sim/fleet/`: `refresh/`, `lifetime.rs` |
//! | what waits in a warm pool, and when it leaves | the decision: `policy/capacity/warm_pool.rs`; `sim/fleet/warm.rs` |
//! | which zones a group uses; a zonal shift | `policy/capacity/zones.rs`, `sim/fleet/zones.rs`; of load balancers `sim/services/load/shift.rs` |
//! | what an instance waits for before it registers, before it ends | `policy/capacity/hooks.rs`, `sim/fleet/hooks.rs` |
//! | what EC2 takes back, and what it has not | `sim/fleet/`: `spot.rs`, `pools.rs`, `choose.rs`, `retry.rs` |
//! | how Fargate takes tasks back, and has none to give | [`FargateRisks`](sim::setup::FargateRisks), `sim/fargate/market.rs`, `sim/faults/fargate.rs`; what a task does then: `sim/services/interrupted.rs` |
//! | when registries of images are slow or down, metrics missing | [`Blackouts`](model::blackout::Blackouts), `sim/tasks/pull.rs`; what is told of it: `sim/faults/blackouts.rs` |
//! | which Managed Instances are IMPAIRED, and what is done about it | how many at once: `policy/capacity/repair.rs`; `sim/fleet/instances/repair.rs` |
//! | what a managed daemon means for its instances | steps of an update: `policy/deployment/daemon.rs`; `sim/services/scheduler/managed_daemons.rs` |
//! | how hosts and zones fail, who notices, how they come back | [`Fault`](model::fault::Fault), `sim/faults/` |
//! | a change that users make to a service, a failure by script | [`Change`](model::service::Change), `sim/services/rollout/changes.rs`; `sim/services/failures.rs` |
//! | long connections: who holds how many, where new ones go, when clients come back | [`Connections`](model::connection::Connections), `load/connections.rs`, `load/connections/routing.rs`; what a fidelity makes of it: `connected.rs` beside it; `connections.csv`: `sim/books/service_tables/connections.rs` |
//! | when a message comes back, is a dead letter | `load/requests/delivery.rs`; as a fluid `load/fluid/returns.rs` |
//! | CPU by task, CPU of a start | `sim/services/load/`: `by_task.rs`, `startup.rs` |
//! | what a dependency's outage does; restarts in place, sidecars; how a task takes its leave | `sim/services/`: `outage.rs`, `restart.rs`, `sidecars.rs`, `leaving.rs` |
//! | a service event | `Books::service_event`, called by the place that knows |
//! | an observer | a field of `sim/books/`, a line in `Books::saw` |
//! | a trace format | a file in `trace/`, a variant of [`TraceFormat`](model::workload::TraceFormat), a line in `trace/mod.rs` |
//! | a traffic format | a file in `trace/traffic/`, a variant of [`TrafficFormat`](model::traffic::TrafficFormat), a line in its `mod.rs` |
//! | a format of Spot prices, availability or outages | `trace/capacity/` |
//! | a scenario key | `scenario/sections/`: type, range, default, source (one that several sections have: `shared.rs`); then `scenario/build/`. Schema, `--show resolved` and the reference page follow |
//! | how requests are routed, queued, dropped; latency formulas | `load/`: `route.rs`, `fluid.rs`, `requests.rs`, `queueing.rs`; the table of latencies: `table.rs` |
//! | a metric of the summary | an integral or counter in `metrics/` or `sim/books/`, its line in `sim/summary.rs`; of services: `metrics/service_summary.rs` |
//! | a column | the list beside its writer (`sim/books/outputs.rs`, `sim/books/service_tables.rs`, `report/tables.rs`); the reference page follows |
//! | whose a line of the bill is: a service's, a caller's, idle | `pricing/by_service.rs` |
//! | CPU credits of burstable instances | what they earn, keep and owe: `pricing/credits.rs`; from which use of CPU: `sim/books/credits.rs` |
//! | what is used beside compute while a run goes on | `sim/world/meter.rs`: what it is made of in `sim/books/side.rs`; what is known at the end in `sim/end/side.rs` |
//! | capacity units of load balancers; tiers of what goes to the internet | `pricing/balancer.rs`; `pricing/transfer.rs` |
//! | what of bytes goes through which gateway, who pays for it; logs, alarms, images | `sim/end/moved.rs`, from the hours of `sim/books/flows.rs` |
//! | a category beside compute | a variant of [`SideCost`](pricing::side::SideCost), its price in `catalog/data/side.csv`, its keys in `scenario/sections/bill.rs` |
//! | what a service, a caller or a tag costs by split cost allocation | `pricing/allocation/`; use beyond the reservation: `sim/services/load/excess.rs`; tables: `report/allocation_tables.rs` |
//! | a line of the bill | `pricing/invoice.rs`; what is metered when: `sim/books/spending.rs` |
//! | private discounts, the currency of the invoice | `pricing/terms.rs`; what a line charges for: `pricing/category.rs` |
//! | slots of capacity reservations without an instance | `pricing/reservations.rs`; launches into them: `sim/fleet/instances/slots.rs`, `sim/fleet/segments.rs` |
//! | what Reserved Instances and Savings Plans cover | `pricing/commitments/`, hour by hour; the bill's lines afterwards, and by the hour: `pricing/settle.rs` |
//! | intervals, paired differences, corrections | `experiment/statistics.rs`; quantiles, how many seeds are enough, one long run: beside it |
//! | whether runs met the same from outside | `experiment/fingerprint.rs` |
//! | which metrics a comparison shows, and which way they are better | `experiment/compare/metrics.rs`; its tables: `report/compare/` |
//! | a chart | a file in `report/charts/` |
//! | a price, a type | `catalog/data/`, made by its `generate.py` |
//! | runs of a grid: longest first, in the grid's order; what a cell is called | `experiment/cells/` |
//! | an axis, a grid, a shard; what a sweep's folder holds | `experiment/sweep/`; `report/sweep/`, charts in `report/charts/` (`sweep.rs`, `heat.rs`); arrays of engines: `cli/sweep/arrays.rs` |
//! | what of AWS's price lists becomes a price file | `catalog/update/`, a file an input; the verb: `cli/catalog/update.rs` |
//! | a column of FOCUS | `report/focus.rs` |
//! | a study of many runs: EC2 or Fargate | `experiment/breakeven/`: the scenario rewritten for each kind of capacity; its table and chart in `report/` |
//! | the cheapest settings: how they race, what bounds know without a run | `experiment/plan/`: `race.rs`, `bounds.rs`; what is told of it: `report/plan/` |
//! | a stage or setting whose worth `sensitivity` tells | a line in `experiment/sensitivity/levers.rs` |
//! | a verb, a flag | a file in `cli/` |
//! | the sentences before the summary's table | `report/answer.rs` |
//! | an invariant | `sim/checks/` |
//! | a bug on purpose, to see a check fail | `base/canary.rs`, `tests/canary.rs` |
//! | a fuzz target | `tests/fuzz/bodies/`; the tests replay its corpus |
//!
//! # Who may touch what
//!
//! A run's state is ten parts beside each other in `sim::world::World`: rules, cluster, fargate, tasks, callers,
//! services, groups, faults, arrivals, books. No part holds another. A handler is a method of a *bundle* of borrowed parts, which lists
//! what it may change and what it may only read:
//!
//! | Bundle | Changes | For |
//! | --- | --- | --- |
//! | `tasks::Life` | cluster, fargate, tasks, books, events | the stages of a task |
//! | `callers::Calls` | the same and callers | RunTask, StartTask |
//! | `services::Look` | nothing | what policies see |
//! | `services::Flow` | services, books | requests and what a minute measures |
//! | `services::Plan` | services, books, events | health, deployments, scaling: they want, and start nothing |
//! | `services::Drive` | what `Life` changes, and services | the scheduler, which starts and stops tasks |
//! | `fleet::Supply`, `faults::Mishap` | what `Drive` changes, and groups; faults | instances come, go and fail |
//!
//! A bundle and not a list of parameters: six borrowed parts in each of two hundred signatures would hide the one that
//! matters. What crosses between rooms is a plain value or is left where its reader looks: a task whose containers have
//! started waits in `Tasks::next_ready` until its owner says that it runs.
//!
//! # A dozen words
//!
//! *caller*: who asks for tasks by RunTask or StartTask; *asker*: a caller or a service; *request*: equal tasks that are
//! wanted; *promise*: what a placed task holds in the scheduler's ledger; *occupy*, *vacate*: the same in the host's own;
//! *member*: a task of a service while it is wanted; *look*: a pass of the service scheduler; *generation*: number of a
//! deployment; *target*: a task that gets requests, or a place that one may go to; *books*: everything that only listens;
//! *settled*: after all of an instant's events but samples; *quiet*: a minute in which nothing can be decided.
//!
//! # Why
//!
//! **Why whole microseconds?** Floats make equality, and so the order of events, depend on the path by which an
//! instant was computed. A `u64` of microseconds reaches 580,000 years, sums exactly, and is the same on every
//! machine. Floats appear where a distribution is drawn and are rounded to a span at once, and where a finished
//! integral becomes a ratio for people.
//!
//! **Why nano-dollars?** A second of the smallest Fargate task costs three millionths of a dollar. Usage is kept in
//! unit-microseconds (`u128`), multiplied by the hourly price once a line, rounded once, half to even: the bill
//! depends neither on the order of events nor on grouping, and its lines add up to the total to the last digit.
//!
//! **Why classes of events?** At one instant, is a task that ends there before or after the task that arrives there?
//! With a binary heap it depends on who was scheduled first. Here capacity comes back
//! ([`Class::Release`](engine::Class)) before it is asked for (`Demand`), schedulers act once on the settled state
//! (`Control`), and samples see what all have done.
//!
//! **Why a radix queue?** Simulated time never goes back, so a monotone radix heap can be used: push and pop are a
//! few shifts, and an entry moves at most 8 times. It keeps ties in order of scheduling without a sequence number in
//! each entry, which common radix heaps do not. Arrivals come sorted and never enter it: it holds live tasks, not the
//! trace.
//!
//! **Why two ledgers?** ECS gives a stopping task's resources back to the scheduler at once, but the host has them
//! back only when the containers have exited. So a new task can be placed and then wait, PENDING, for its host. With
//! one ledger this wait does not exist, and replacing tasks looks faster than it is. `free` is what placement may
//! still promise, `host_free` what the host really has.
//!
//! **Why a random stream for each purpose, caller and task?** With one generator, one more draw anywhere moves every
//! later number, and two policies under one seed meet different work. Streams are keyed by (seed, purpose, name), and
//! a task's draws by its number, so what a task is does not depend on who was served before it. Policies can be
//! compared under common random numbers, and a difference is the policy's.
//!
//! **Why are rules compiled before the first task?** A rule says which instances a caller's tasks may use and how
//! they rank. What never changes about it (cluster, provider, AZs, platform, `memberOf` over attributes) selects a
//! pool once; the strategies become an order that is kept up to date. A placement then costs a search in that order,
//! not a walk over the fleet; and counts by group are right, since they have been kept from the beginning.
//!
//! **Why is there a slow placement, too?** [`policy::placement::reference`] scans and sorts, and can be held against
//! the developer guide in five minutes. The index is fast and not obvious. A test draws thousands of clusters and
//! compares every single decision and every count of refusals; nothing else would make the index trustworthy.
//!
//! **Why rejection sampling for `random`?** To draw uniformly among the instances that have room one would have to
//! know them all. Drawing from the whole pool until one has room is uniform, too, and nearly always takes one or two
//! draws; after eight misses those that remain are counted. How many numbers are drawn is part of the definition, so
//! that the reference and the index agree on the stream and not only on the law.
//!
//! **Why are tables streamed?** A trace may have ten million tasks. A task's row is written when it stops and its
//! memory is used again, so memory follows the tasks that are alive. Rows are therefore in order of stopping;
//! `task_id` gives the order of arrival.
//!
//! **Why are quiet minutes passed over?** Alarms want a point a minute, and five thousand services have fifty million of
//! them in a week: more than everything else together. Where the traffic to come can build no queue, no alarm can fire
//! and one that fires has been told why it gets nothing, a service's points are made later, many at once, and always
//! before anything about it changes: the same points, one visit. A run that checks itself visits every minute, and tests
//! compare the two.
//!
//! **Why is a run single-threaded?** An event may depend on every event before it. Seeds and variants run in
//! parallel; inside a run determinism is worth more than a second core.
//!
//! **Why are requests not events?** A service with a thousand requests a second for a month has billions of them. A
//! rate that does not change needs no event: the fluid integrates it exactly when somebody asks, takes latency from
//! formulas that the tests hold against single requests, and so a quiet service costs next to nothing. `requests` fidelity
//! keeps its events in a private calendar, so that neither fidelity touches the order of the simulation's own.
//!
//! **Why millionths of a request?** Offered = served + dropped is the one identity that every reader checks first. In
//! floats it holds nearly; in integers it holds, and shares of routing and rounding cannot lose any.
//!
//! **Why does the scheduler look some seconds later?** Reactions that cost no time let a deployment's steps fall on
//! one instant and hide what users see: two looks, two states. How long is not published, so it is a parameter.
//!
//! **Why no traits for policies, and no plug-ins?** The strategies are a closed enum: the scenario can name them all,
//! an error message can list them, the compiler finds every place that must know a new one, and the index can keep an
//! order for each. Adding one is a file and a few lines (see `README.md`). A program may bring a placement rule of its own
//! all the same ([`Own`](policy::placement::Own)): no order can be kept for it, so it is asked of every instance.
//!
//! **Why does every figure about AWS say where it comes from?** Much of what matters is not published: ties, boot
//! times, how fast an image is pulled. Such a figure is marked *documented*, *measured* or *assumed*, and what is
//! assumed is a parameter.
//!
//! # Room that is left
//!
//! What comes next is one more folder or file in its layer, not a change to all of them; there are no stubs for it.
//!
//! | To come | Where |
//! | --- | --- |
//! | `explain`, a page for people | `report/`, from the files of a finished run |
//!
//! # The library
//!
//! A scenario is a value: it can be loaded, changed and run without the command line. Here four placement rules, one of
//! them the program's own, meet
//! the same tasks (equal seeds give equal arrivals), and nothing is written to disk:
//!
//! ```
//! use ecsim::engine::Pulse;
//! use ecsim::experiment::run_one;
//! use ecsim::policy::placement::{Candidate, Own, PackField, SpreadField, Strategy};
//! use ecsim::scenario::load_text;
//! use ecsim::sim::{Watch, outputs::Sinks};
//! use std::path::Path;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = r#"
//!     [[capacity_provider]]
//!     name = "general"
//!     instance_types = ["m7g.xlarge"]
//!     desired_capacity = 3
//!
//!     [[run_task]]
//!     name = "jobs"
//!     on_failure = "queue"
//!     [run_task.generate]
//!     per_second = 0.02
//!     until = "6h"
//!     duration = { type = "exponential", mean = "5m" }
//!     sizes = [{ cpu = 512, memory = 1024, weight = 4 }, { cpu = 3072, memory = 8192 }]
//! "#;
//! // The vector-packing literature's dot product: where most of what the task needs is left.
//! fn dot_product(of: &Candidate) -> u64 {
//!     let part = |need: u32, free: u32| u64::from(need) * u64::from(free);
//!     u64::MAX - part(of.demand.cpu, of.free.cpu) - part(of.demand.memory, of.free.memory)
//! }
//! let mut scenario = load_text(text, "jobs.toml", Path::new("."), &[])?;
//! let rules = [
//!     Strategy::Binpack(PackField::Cpu),
//!     Strategy::Spread(SpreadField::Instance),
//!     Strategy::BestFit,
//!     Strategy::Own(Own { name: "dot product", score: dot_product }),
//! ];
//! let mut work = Vec::new();
//! for rule in rules {
//!     for caller in scenario.setup.sources.ids() {
//!         scenario.setup.sources[caller].strategies = vec![rule.clone()];
//!     }
//!     let pulse = Pulse::default(); // tells another thread how far the run is, and can end it
//!     let watch = Watch { pulse: &pulse, check_every_event: true };
//!     let result = run_one(&scenario, scenario.setup.seed, Sinks::default(), watch)?;
//!     let metric = |name| result.summary.get(name).and_then(|value| value.as_f64());
//!     let mean_wait = metric("wait_s_mean").ok_or("no task was placed")?;
//!     println!("{rule:?}: {mean_wait} s, {} nano-dollars", result.invoice.total().0);
//!     work.push(metric("tasks_submitted"));
//! }
//! assert!(work.iter().all(|tasks| *tasks == work[0]), "the same work for every rule");
//! # Ok(())
//! # }
//! ```
//!
//! A scaling policy of one's own is an implementation of [`ScalingPolicy`](model::own_scaling::ScalingPolicy), asked once a
//! minute. Here the rule of Kubernetes' Horizontal Pod Autoscaler (in proportion to the metric, and down to the largest
//! wish of the last five minutes only) beside ECS's target tracking, under the same requests, four seeds each:
//!
//! ```
//! use ecsim::engine::Pulse;
//! use ecsim::experiment::compare::{Variant, compare};
//! use ecsim::experiment::statistics::Confidence;
//! use ecsim::experiment::{replicate, run_one};
//! use ecsim::model::own_scaling::{OwnScaling, ScalingPolicy, Seen};
//! use ecsim::model::scaling::ScalingMetric;
//! use ecsim::scenario::{Scenario, load_text};
//! use ecsim::sim::{Watch, outputs::Sinks};
//! use std::{collections::VecDeque, path::Path};
//!
//! #[derive(Clone, Debug, Default)]
//! struct Hpa {
//!     wishes: VecDeque<u32>,
//! }
//!
//! impl ScalingPolicy for Hpa {
//!     fn desired(&mut self, seen: &Seen<'_>) -> u32 {
//!         let Some(cpu) = seen.metric(0) else { return seen.desired };
//!         let off = (cpu / 60.0 - 1.0).abs();
//!         let wish = (f64::from(seen.running) * cpu / 60.0).ceil() as u32;
//!         self.wishes.push_back(if off <= 0.1 { seen.desired } else { wish });
//!         if self.wishes.len() > 5 {
//!             self.wishes.pop_front();
//!         }
//!         let largest = self.wishes.iter().copied().max().unwrap_or(seen.desired);
//!         if wish > seen.desired { wish } else { largest.min(seen.desired) }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = r#"
//!     [simulation]
//!     duration = "12h"
//!     [[task_definition]]
//!     family = "web"
//!     cpu = 512
//!     memory = 1024
//!     network_mode = "awsvpc"
//!     [[service]]
//!     name = "web"
//!     task_definition = "web"
//!     launch_type = "FARGATE"
//!     desired_count = 6
//!     load_balancer = {}
//!     traffic = { generate = { per_second = 100, daily_depth = 0.6, daily_peak = "6h" }, cpu_ms_per_request = 20 }
//!     [service.scaling]
//!     min_capacity = 2
//!     max_capacity = 40
//!     target_tracking = [{ metric = "cpu", target_value = 60 }]
//! "#;
//! let tracking = load_text(text, "web.toml", Path::new("."), &[])?;
//! let mut hpa = load_text(text, "web.toml", Path::new("."), &[])?;
//! for service in hpa.setup.services.ids() {
//!     let target = hpa.setup.services[service].scaling.as_mut().ok_or("no scaling")?;
//!     target.target_tracking.clear();
//!     let make = || -> Box<dyn ScalingPolicy> { Box::new(Hpa::default()) };
//!     target.own = Some(OwnScaling { name: "HPA", metrics: &[ScalingMetric::Cpu], make });
//! }
//! let under_seeds = |name: &str, scenario: &Scenario| -> Result<Variant, Box<dyn std::error::Error>> {
//!     let runs = replicate(scenario.setup.seed, 4, 0, |_, seed| {
//!         let watch = Watch { pulse: &Pulse::default(), check_every_event: false };
//!         run_one(scenario, seed, Sinks::default(), watch).map(|result| (seed.0, result.summary))
//!     })?;
//!     let runs = runs.into_iter().collect::<Result<Vec<_>, _>>()?;
//!     Ok(Variant::of(name, &runs.iter().map(|(seed, of)| (*seed, of)).collect::<Vec<_>>()))
//! };
//! let variants = [under_seeds("ECS", &tracking)?, under_seeds("HPA", &hpa)?];
//! let metrics = ["total_usd", "requests_dropped_percent"].map(String::from);
//! let table = compare(&variants, &metrics, Confidence::USUAL);
//! for row in &table.rows {
//!     for (variant, cell) in table.variants.iter().zip(&row.cells) {
//!         println!("{} of {variant}: {:?}", row.metric, cell.mean);
//!     }
//! }
//! assert_eq!(table.rows.len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! Arrivals of one's own are an implementation of [`TaskStream`](model::arrival::TaskStream), handed to [`sim::run`]
//! with a [`Setup`](sim::setup::Setup); the tables can go to any writer by [`Sinks`](sim::outputs::Sinks).

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod base;
pub mod catalog;
pub mod cli;
pub mod engine;
pub mod experiment;
pub mod load;
pub mod metrics;
pub mod model;
pub mod policy;
pub mod pricing;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod trace;

#[cfg(test)]
#[path = "../tests/support/random.rs"]
mod random;
