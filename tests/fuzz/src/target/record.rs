//! Descriptors, in all three forms.

use sage_comm::{Backends, Builtin, DescriptorRecord};

use super::text;

/// What was read says the same in every form, and the facade can judge it.
fn agree(record: &DescriptorRecord) {
    let binary = DescriptorRecord::from_bytes(&record.to_bytes()).expect("binary");
    assert_eq!(&binary, record);
    let json = DescriptorRecord::from_json(&record.to_json()).expect("JSON");
    assert_eq!(&json, record);
    let uri = DescriptorRecord::from_uri(&record.to_uri()).expect("a line");
    assert_eq!(&uri, record);
    if let Ok(canonical) = Builtin.registry::<String>().check(record) {
        // Every parameter is there now: that is accepted too, and changes nothing.
        let again = Builtin.registry::<String>().check(&canonical);
        assert_eq!(again.expect("what was accepted"), canonical);
    }
}

fn example() -> DescriptorRecord {
    DescriptorRecord::from_uri("rpc://letters/in?maxsize=100&tls=true&lease_time=1.5&host=localhost").expect("a line")
}

pub(crate) fn binary(bytes: &[u8]) {
    if let Ok(record) = DescriptorRecord::from_bytes(bytes) {
        agree(&record);
    }
}

pub(crate) fn binary_seeds() -> Vec<Vec<u8>> {
    vec![example().to_bytes()]
}

pub(crate) fn json(bytes: &[u8]) {
    if let Ok(record) = DescriptorRecord::from_json(text(bytes)) {
        agree(&record);
    }
}

pub(crate) fn json_seeds() -> Vec<Vec<u8>> {
    let python = r#"{"queue_id":"q","queue_type":"python","class_name":"PythonQueueDescriptor","can_serialize":true,
        "metadata":{"maxsize":10,"use_multiprocessing":false},"created_timestamp":1795228632.6267083}"#;
    vec![example().to_json().into_bytes(), python.as_bytes().to_vec()]
}

pub(crate) fn uri(bytes: &[u8]) {
    if let Ok(record) = DescriptorRecord::from_uri(text(bytes)) {
        agree(&record);
    }
}

pub(crate) fn uri_seeds() -> Vec<Vec<u8>> {
    vec![
        example().to_uri().into_bytes(),
        b"shm://letters?maxsize=100&auto_cleanup=false".to_vec(),
    ]
}
