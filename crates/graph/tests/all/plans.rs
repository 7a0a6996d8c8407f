//! What a plan says about instances, queues and services.

use std::collections::HashSet;
use std::time::Duration;

use descriptor_core::{Caps, DefaultStrategy, KindInfo, Reach, Scope, Value};
use graph::{
    Deployment, EdgeSpec, GraphBuilder, Meeting, NodeId, NodeKind, NodeSpec, Plan, Role, ServiceId, ServiceSpec,
};
use router::{Partition, UpstreamId};

use crate::common::{demo, kinds, plan, wide};

#[test]
fn the_demo_on_threads() {
    let plan = plan(demo().build(), Deployment::Threads).unwrap();
    let names: Vec<&str> = plan.instances().iter().map(|instance| instance.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "source_0", "source_1", "filter_0", "filter_1", "key_by_0", "key_by_1", "window_0", "window_1", "sink_0"
        ]
    );
    assert_eq!(
        plan.queues().len(),
        7,
        "sources have no input, and there are no services"
    );
    for queue in plan.queues() {
        let record = &queue.record;
        assert_eq!(
            (record.queue_type.as_str(), &record.scope),
            ("sage_queue", &Scope::Worker(0))
        );
        assert_eq!(
            record.metadata.get("maxsize"),
            Some(&Value::Int(16)),
            "16 items of up to 62 packets"
        );
    }
    let sink = &plan.instances_of(NodeId::new(4))[0];
    assert_eq!(plan.input(sink.id).unwrap().queue_id.as_str(), "demo/input_sink_0");
    assert_eq!(plan.input(plan.instances()[0].id), None);
    assert_eq!(plan.response(sink.id), None);
    assert_eq!(
        plan.expected_stops(sink.id).collect::<Vec<_>>(),
        [UpstreamId(0), UpstreamId(1)]
    );
    let hash: Vec<_> = plan.groups().iter().filter_map(|group| group.key_groups).collect();
    assert_eq!(hash.iter().map(|groups| groups.count()).collect::<Vec<_>>(), [128]);
    assert_eq!(plan.pool().unwrap().len(), 7);
}

#[test]
fn the_widest_reach_decides_per_instance() {
    let mut job = GraphBuilder::new("job");
    let here = job.node(NodeSpec {
        workers: vec![0],
        ..wide("here", NodeKind::Source, 2)
    });
    let near = job.node(NodeSpec {
        workers: vec![0, 1],
        ..wide("near", NodeKind::Sink, 2)
    });
    job.edge(here, near, EdgeSpec::new(Partition::RoundRobin));
    let plan = plan(job.build(), Deployment::Processes(2)).unwrap();
    let chosen: Vec<_> = plan
        .queues()
        .iter()
        .map(|queue| {
            (
                queue.reach,
                queue.record.queue_type.as_str(),
                queue.record.scope.clone(),
            )
        })
        .collect();
    assert_eq!(
        chosen,
        [
            (Reach::Process, "sage_queue", Scope::Worker(0)),
            (Reach::Host, "shm", Scope::Unscoped)
        ]
    );
    assert_eq!(
        plan.instances_on(1)
            .map(|instance| instance.name.as_str())
            .collect::<Vec<_>>(),
        ["near_1"]
    );
}

#[test]
fn key_groups_follow_the_highest_parallelism() {
    let mut job = demo();
    job.change(NodeId::new(3), |window| window.max_parallelism = Some(500));
    let plan = plan(job.build(), Deployment::Threads).unwrap();
    let groups: Vec<_> = plan.groups().iter().filter_map(|group| group.key_groups).collect();
    assert_eq!(groups.iter().map(|groups| groups.count()).collect::<Vec<_>>(), [1024]);
}

#[test]
fn upstreams_are_counted_over_all_edges_into_a_node() {
    let mut job = GraphBuilder::new("job");
    let left = job.node(wide("left", NodeKind::Source, 2));
    let right = job.node(wide("right", NodeKind::Source, 3));
    let both = job.node(wide("both", NodeKind::CoMap, 2));
    let sink = job.node(wide("sink", NodeKind::Sink, 1));
    job.change(both, |node| node.inputs = vec![descriptor_core::TypeTag::of::<u8>(); 2]);
    job.edge(right, both, EdgeSpec::to_port(1, Partition::Broadcast));
    job.edge(left, both, EdgeSpec::to_port(0, Partition::Rescale));
    job.edge(both, sink, EdgeSpec::new(Partition::RoundRobin));
    let plan = plan(job.build(), Deployment::Threads).unwrap();
    for instance in plan.instances_of(both) {
        let upstreams: Vec<_> = plan
            .upstreams(instance.id)
            .map(|up| (up.id.0, up.from.get(), up.input_index))
            .collect();
        assert_eq!(upstreams, [(0, 2, 1), (1, 3, 1), (2, 4, 1), (3, 0, 0), (4, 1, 0)]);
    }
    let group = plan.groups_from(left).next().unwrap();
    assert_eq!(group.upstream(1), Some(UpstreamId(4)));
    assert_eq!(group.upstream(2), None);
}

#[test]
fn services_have_queues_of_their_own() {
    let mut job = demo();
    // As an instance could be called, too.
    job.service(ServiceSpec {
        parallelism: 2,
        buffer_size: 7,
        ..ServiceSpec::new("source_0")
    });
    job.service(ServiceSpec::new("geo"));
    let plan = plan(job.build(), Deployment::Processes(2)).unwrap();
    let id = |record: Option<&descriptor_core::DescriptorRecord>| record.unwrap().queue_id.to_string();
    let [first, geo] = [0, 1].map(ServiceId::new);
    assert_eq!(id(plan.request(first)), "demo/service_request_source_0");
    assert_eq!(
        plan.request(first).unwrap().metadata.get("maxsize"),
        Some(&Value::Int(7))
    );
    assert_eq!(
        id(plan.response(plan.instances()[0].id)),
        "demo/service_response_source_0"
    );
    assert_eq!(id(plan.service_response(first, 1)), "demo/service_response/source_0_1");
    assert_eq!(plan.service_response(geo, 1), None);
    assert_eq!(plan.service_workers(first).len(), 2);
    let ids: HashSet<_> = plan
        .queues()
        .iter()
        .map(|queue| queue.record.queue_id.clone())
        .collect();
    assert_eq!(ids.len(), 7 + 9 + 2 + 3);
    let reach = |role| plan.queues().iter().find(|queue| queue.role == role).unwrap().reach;
    assert_eq!(reach(Role::Request(geo)), Reach::Host);
    let on_threads = Plan::build(plan.graph().clone(), Deployment::Threads, &DefaultStrategy, &kinds()).unwrap();
    assert!(on_threads.queues().iter().all(|queue| queue.reach == Reach::Process));
}

/// 100 nodes of 100 instances, all connected with the next: 990,000 connections in 99 groups.
#[test]
fn ten_thousand_instances() {
    let mut job = GraphBuilder::new("large");
    let mut last = job.node(wide("node", NodeKind::Source, 100));
    for i in 1..100 {
        let kind = if i == 99 { NodeKind::Sink } else { NodeKind::Map };
        let next = job.node(wide("node", kind, 100));
        job.edge(last, next, EdgeSpec::new(Partition::RoundRobin));
        last = next;
    }
    let plan = plan(job.build(), Deployment::Processes(16)).unwrap();
    assert_eq!(
        (plan.instances().len(), plan.groups().len(), plan.queues().len()),
        (10_000, 99, 9_900)
    );
    let stops: usize = plan
        .instances()
        .iter()
        .map(|instance| plan.expected_stops(instance.id).count())
        .sum();
    assert_eq!(stops, 990_000);
    assert_eq!(Plan::from_bytes(&plan.to_bytes().unwrap()).unwrap(), plan);
}

#[test]
fn workers_of_other_hosts_meet_at_a_server() {
    let meeting = Meeting::new(2, "tcp://10.0.0.5:7420".parse().unwrap()).silence(Duration::from_secs(7));
    let mut kinds = kinds();
    let mut caps = Caps::IN_PROCESS;
    (caps.cross_process, caps.cross_host) = (true, true);
    kinds.push(KindInfo::new("rpc", Reach::Network, caps));
    let build = |deployment| Plan::build(demo().build(), deployment, &DefaultStrategy, &kinds).unwrap();
    let plan = build(Deployment::Workers(meeting.clone()));
    let spread = |plan: &Plan| -> Vec<u32> { plan.instances().iter().map(|instance| instance.worker).collect() };
    // No shm: that it reaches all processes of a host is not enough.
    let hosts: HashSet<_> = plan.queues().iter().map(|queue| queue.reach).collect();
    assert_eq!(hosts, HashSet::from([Reach::Network]));
    assert!(
        plan.queues()
            .iter()
            .all(|queue| queue.record.metadata["host"] == "10.0.0.5".into())
    );
    assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
    assert_eq!(Plan::from_bytes(&plan.to_bytes().unwrap()).unwrap(), plan);
    assert_eq!(
        (
            plan.deployment().to_string().as_str(),
            meeting.longest_silence(),
            meeting.patience()
        ),
        (
            "workers(2, tcp://10.0.0.5:7420)",
            Duration::from_secs(7),
            Meeting::JOIN_WITHIN
        )
    );

    // Another process has another way there.
    let there = "unix:/run/queues.sock".parse().unwrap();
    let moved = plan.clone().reached_at(&there);
    assert_eq!(moved.deployment().server(), Some(&there));
    for (queue, before) in moved.queues().iter().zip(plan.queues()) {
        let expected = there
            .record(before.record.queue_id.clone())
            .with("maxsize", before.record.metadata["maxsize"].clone());
        assert_eq!(
            (&queue.record.queue_id, &queue.record.metadata),
            (&expected.queue_id, &expected.metadata)
        );
    }
    assert_eq!(spread(&moved), spread(&plan));
    // On one host there is no server to reach.
    let near = crate::common::plan(demo().build(), Deployment::Processes(2)).unwrap();
    assert_eq!(near.clone().reached_at(&there), near);
}
