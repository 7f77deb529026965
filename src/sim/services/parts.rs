//! What each room of services may touch: a function's receiver says what it can change.
//!
//! | Receiver | Changes | Reads |
//! | --- | --- | --- |
//! | [`Look`] | nothing | services, tasks, capacity |
//! | [`Flow`] | services (their loads and meters), books | tasks, EC2 capacity |
//! | [`Plan`] | the same, and events to come | the same |
//! | [`Drive`] | the same, and tasks with all capacity | |
//!
//! So a health check, a deployment or an alarm cannot start or stop a task: it marks what is wanted, and the scheduler,
//! which drives, sees to it.

use super::Services;
use crate::base::time::SimTime;
use crate::engine::Queue;
use crate::sim::books::Books;
use crate::sim::cluster::Cluster;
use crate::sim::event::Event;
use crate::sim::fargate::Fargate;
use crate::sim::rules::Rules;
use crate::sim::tasks::{Life, Tasks};

/// Looking at services: changes nothing.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// What is fixed.
    pub rules: &'a Rules,
    /// EC2 capacity.
    pub cluster: &'a Cluster,
    /// Fargate capacity.
    pub fargate: &'a Fargate,
    /// The tasks.
    pub tasks: &'a Tasks,
    /// The services.
    pub services: &'a Services,
}

/// Requests and what is measured of them.
pub struct Flow<'a> {
    /// EC2 capacity.
    pub cluster: &'a Cluster,
    /// The tasks.
    pub tasks: &'a Tasks,
    /// The services.
    pub services: &'a mut Services,
    /// Who listens.
    pub books: &'a mut Books,
}

/// Health, deployments, scaling: what is wanted of a service, and when it is looked at.
pub struct Plan<'a> {
    /// What is fixed.
    pub rules: &'a Rules,
    /// EC2 capacity.
    pub cluster: &'a Cluster,
    /// Fargate capacity.
    pub fargate: &'a Fargate,
    /// The tasks.
    pub tasks: &'a Tasks,
    /// The services.
    pub services: &'a mut Services,
    /// Who listens.
    pub books: &'a mut Books,
    /// Clock and events to come.
    pub queue: &'a mut Queue<Event>,
}

/// The scheduler: starts and stops tasks.
pub struct Drive<'a> {
    /// What is fixed.
    pub rules: &'a Rules,
    /// EC2 capacity.
    pub cluster: &'a mut Cluster,
    /// Fargate capacity.
    pub fargate: &'a mut Fargate,
    /// The tasks.
    pub tasks: &'a mut Tasks,
    /// The services.
    pub services: &'a mut Services,
    /// Who listens.
    pub books: &'a mut Books,
    /// Clock and events to come.
    pub queue: &'a mut Queue<Event>,
}

impl Plan<'_> {
    /// The clock.
    pub fn now(&self) -> SimTime {
        self.queue.now()
    }

    /// To look only.
    pub fn look(&self) -> Look<'_> {
        let Plan { rules, cluster, fargate, tasks, ref services, .. } = *self;
        Look { rules, cluster, fargate, tasks, services }
    }

    /// To deal with requests.
    pub fn flow(&mut self) -> Flow<'_> {
        let Plan { cluster, tasks, .. } = *self;
        Flow { cluster, tasks, services: self.services, books: self.books }
    }
}

impl Drive<'_> {
    /// The clock.
    pub fn now(&self) -> SimTime {
        self.queue.now()
    }

    /// To look only.
    pub fn look(&self) -> Look<'_> {
        Look {
            rules: self.rules,
            cluster: self.cluster,
            fargate: self.fargate,
            tasks: self.tasks,
            services: self.services,
        }
    }

    /// To deal with requests.
    pub fn flow(&mut self) -> Flow<'_> {
        Flow {
            cluster: self.cluster,
            tasks: self.tasks,
            services: self.services,
            books: self.books,
        }
    }

    /// To say what is wanted.
    pub fn plan(&mut self) -> Plan<'_> {
        Plan {
            rules: self.rules,
            cluster: self.cluster,
            fargate: self.fargate,
            tasks: self.tasks,
            services: self.services,
            books: self.books,
            queue: self.queue,
        }
    }

    /// To move a task through its life.
    pub fn life(&mut self) -> Life<'_> {
        Life {
            rules: self.rules,
            cluster: self.cluster,
            fargate: self.fargate,
            tasks: self.tasks,
            books: self.books,
            queue: self.queue,
        }
    }
}
