//! Findings about queues, which need a strategy.

use descriptor_core::{
    Caps, Choice, DefaultStrategy, DescriptorRecord, EdgeRequest, KindInfo, QueueId, Reach, Result, Strategy,
};
use graph::{Code, Deployment, Finding, NodeId, Place, Plan};

use crate::common::{demo, kinds};

fn found(deployment: Deployment, forced: Option<&str>, strategy: &dyn Strategy, kinds: &[KindInfo]) -> Vec<Finding> {
    let mut job = demo();
    job.change(NodeId::new(4), |sink| sink.queue_kind = forced.map(Into::into));
    let error = Plan::build(job.build(), deployment, strategy, kinds).expect_err("a queue that cannot be");
    error.findings().to_vec()
}

#[track_caller]
fn only(found: &[Finding], code: Code, text: &str) {
    match found {
        [one] => {
            assert_eq!((one.code, one.place), (code, Place::Node(NodeId::new(4))), "{one}");
            assert!(one.message.contains(text) && !one.message.contains('\n'), "{one}");
        }
        _ => panic!("expected {code} alone, found {found:?}"),
    }
}

#[test]
fn a_type_nobody_knows() {
    let found = found(Deployment::Threads, Some("pigeon"), &DefaultStrategy, &kinds());
    only(&found, Code::NoQueue, "pigeon: not part of this program");
}

#[test]
fn a_type_of_too_narrow_reach() {
    let found = found(Deployment::Processes(2), Some("sage_queue"), &DefaultStrategy, &kinds());
    only(&found, Code::NoQueue, "reaches process only, the edge needs host");
}

#[test]
fn a_type_without_the_needed_abilities() {
    let mut kinds = kinds();
    kinds.push(KindInfo::new("shelf", Reach::Host, Caps::default()));
    let found = found(Deployment::Threads, Some("shelf"), &DefaultStrategy, &kinds);
    only(&found, Code::NoQueue, "bounded, ordered");
}

#[test]
fn no_type_at_all_is_one_finding_per_node() {
    let found = found(Deployment::Threads, None, &DefaultStrategy, &[]);
    let places: Vec<Place> = found.iter().map(|finding| finding.place).collect();
    assert_eq!(places, [1, 2, 3, 4].map(|node| Place::Node(NodeId::new(node))));
    assert!(found.iter().all(|finding| finding.code == Code::NoQueue));
}

#[test]
fn the_names_of_the_original_are_understood() {
    let mut job = demo();
    job.change(NodeId::new(4), |sink| sink.queue_kind = Some("python".into()));
    let plan = Plan::build(job.build(), Deployment::Threads, &DefaultStrategy, &kinds()).unwrap();
    let sink = plan.instances_of(NodeId::new(4))[0].id;
    assert_eq!(plan.input(sink).unwrap().queue_type, "local");
}

/// The default, but what it says about the sink is changed.
struct Meddling(fn(&mut DescriptorRecord));

impl Strategy for Meddling {
    fn choose(
        &self,
        request: &EdgeRequest,
        kinds: &[KindInfo],
        try_open: &dyn Fn(&DescriptorRecord) -> Result<()>,
    ) -> Result<Choice> {
        let mut choice = DefaultStrategy.choose(request, kinds, try_open)?;
        if request.queue_id.as_str().contains("sink") {
            (self.0)(&mut choice.record);
        }
        Ok(choice)
    }
}

#[test]
fn what_a_strategy_answers_is_checked() {
    let meddled = |meddle| found(Deployment::Threads, None, &Meddling(meddle), &kinds());
    let unknown_key = meddled(|record| *record = record.clone().with("maxsiez", 1_i64));
    only(&unknown_key, Code::QueueParameters, "maxsize");
    let no_such_type = meddled(|record| record.queue_type = "Pigeon!".into());
    only(&no_such_type, Code::QueueParameters, "Pigeon!");
    let other_id = meddled(|record| record.queue_id = QueueId::generated("shm"));
    only(&other_id, Code::NoQueue, "the queue id that was asked for");
    let not_built_in = meddled(|record| record.queue_type = "ray_queue".into());
    only(&not_built_in, Code::NoQueue, "a queue type of this program");
    let narrow = found(
        Deployment::Processes(2),
        None,
        &Meddling(|record| {
            *record = DescriptorRecord::new(record.queue_id.clone(), "sage_queue").with("maxsize", 8_i64)
        }),
        &kinds(),
    );
    only(&narrow, Code::NoQueue, "expected reach host, found reach process");
}
