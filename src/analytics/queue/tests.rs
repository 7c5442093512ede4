use std::time::SystemTime;

use http::Method;

use super::*;
use crate::{
    analytics::RecordedApi,
    config::{Config, SinkKind},
};

fn detailed(bytes: usize) -> Observed {
    let mut detail = Detail::new(bytes);
    detail.response_body.add(&vec![b'x'; bytes]);
    Observed {
        api: Arc::new(RecordedApi::default()),
        at: SystemTime::UNIX_EPOCH,
        method: Method::GET,
        host: "".into(),
        path: String::new(),
        tracked: None,
        original_path: String::new(),
        content_length: 0,
        user_agent: None,
        status: 200,
        caller: None,
        version: None,
        total: Duration::ZERO,
        upstream: Duration::ZERO,
        client: None,
        tags: Vec::new(),
        cached: false,
        detail: Some(Box::new(detail)),
    }
}

#[tokio::test]
async fn details_wait_up_to_a_limit_of_bytes_and_the_room_comes_back() {
    let mut config = Config::default();
    config.pinhook.analytics.sink = SinkKind::File;
    config.pinhook.analytics.path = "/dev/null".to_owned();
    let metrics = Metrics::new(true).unwrap();
    let opened = crate::analytics::open(&Settings::new(&config), None, &metrics).unwrap().unwrap();
    let Analytics { records, worker, flusher } = opened;
    let dropped = || metrics.analytics().dropped_by(DropReason::QueueFull).get();
    let quarter = DETAIL_BYTES / 4;

    (0..4).for_each(|_| records.record(detailed(quarter)));
    assert_eq!(dropped(), 0);
    records.record(detailed(1));
    assert_eq!(dropped(), 1);
    records.record(detailed(0));
    assert_eq!(dropped(), 1, "a record without bodies has room");

    tokio::spawn(worker.run());
    assert!(flusher.flush(Duration::from_secs(20)).await);
    records.record(detailed(quarter));
    assert_eq!((dropped(), metrics.analytics().written.get()), (1, 5));
}
