//! The ids of the model: row numbers of its columns.

crate::define_ids! {
    /// A cluster.
    ClusterId;
    /// An Availability Zone.
    ZoneId;
    /// A capacity provider: an EC2 fleet, `FARGATE` or `FARGATE_SPOT`.
    ProviderId;
    /// A container instance.
    InstanceId;
    /// An EC2 instance, from its launch on: it becomes a container instance when it registers.
    MachineId;
    /// A task definition.
    DefinitionId;
    /// A container image, for the layer cache of an instance.
    ImageId;
    /// A task group: `family:<family>`, `service:<name>` or a name that the caller gave.
    GroupId;
    /// Who asks for tasks: a `[[run_task]]` entry, or a service; services are numbered after all `[[run_task]]`.
    SourceId;
    /// A service.
    ServiceId;
    /// A subnet of `[network]`.
    SubnetId;
    /// A distinct set of static host ports.
    PortSetId;
    /// An attribute name, such as `ecs.availability-zone` or a custom one.
    AttributeId;
}
