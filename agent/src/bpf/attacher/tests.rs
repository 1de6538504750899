#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::thread;

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn packets_are_read_as_they_were_written(number: u32, program: u32, process: u32, offset: u64, errno: i32) {
        let request = Request { number, program, process, offset };
        prop_assert_eq!(Request::parse(&request.bytes()), Some(request));
        let answer = Answer { number, step: Step::Open, errno };
        prop_assert_eq!(Answer::parse(&answer.bytes()), Some(answer));
    }

    #[test]
    fn of_other_sizes_is_none(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(Request::parse(&bytes).is_some(), bytes.len() == Request::BYTES);
        let is_answer = Answer::parse(&bytes).is_some();
        prop_assert!(!is_answer || bytes.len() == Answer::BYTES);
    }
}

#[test]
fn who_is_given_no_programs_says_so_and_confines_nothing() {
    let file = File::open("/dev/null").unwrap();
    for count in [0, 1, Probe::ALL.len()] {
        let (mut attacher, other) = Attacher::pair().unwrap();
        let server = thread::spawn(move || {
            AttachServer::begin(other, Path::new("/"), || unreachable!("there are no programs")).map(drop)
        });
        let error = attacher.hand_over(&vec![file.as_fd(); count]).unwrap_err().to_string();
        assert!(error.starts_with("the helper process was given other programs"), "{error}");
        server.join().unwrap().unwrap_err();
    }
}

/// Plays the other end: answers each request as `answers` say, with a file beside it where they say so.
fn played(answers: impl Fn(Request) -> Vec<(Answer, bool)> + Send + 'static) -> Attacher {
    let (attacher, other) = Attacher::pair().unwrap();
    thread::spawn(move || {
        let mut bytes = [0; Request::BYTES + 1];
        loop {
            let mut file = None;
            let length = receive(other.as_fd(), &mut bytes, |descriptor| file = Some(descriptor)).unwrap();
            let Some(request) = bytes.get(..length).and_then(Request::parse) else { return };
            let file = file.unwrap();
            for (answer, has_event) in answers(request) {
                let beside = [file.as_fd()];
                send(other.as_fd(), &answer.bytes(), if has_event { &beside } else { &[] }).unwrap();
            }
        }
    });
    attacher
}

fn asked(attacher: &mut Attacher) -> Result<OwnedFd, String> {
    attacher.attach(Probe::Returned, Path::new("/proc/self/exe"), 7, None).map_err(|error| error.to_string())
}

#[test]
fn an_answer_is_taken_for_the_request_that_it_is_for() {
    let mut attacher = played(|request| {
        assert_eq!((request.program, request.process, request.offset), (3, 0, 7));
        let done = Answer { number: request.number, step: Step::Done, errno: 0 };
        let refused = Answer { step: Step::Open, errno: libc::EACCES, ..done };
        let late = Answer { number: request.number.wrapping_sub(1), ..refused };
        match request.number {
            1 => vec![(done, true)],
            2 => vec![(late, true), (refused, false)],
            3 => vec![(late, false), (done, true)],
            4 => vec![(done, false)],
            _ => Vec::new(),
        }
    });
    asked(&mut attacher).unwrap();
    assert_eq!(asked(&mut attacher).unwrap_err(), "perf_event_open: Permission denied (os error 13)");
    asked(&mut attacher).unwrap();
    assert!(asked(&mut attacher).unwrap_err().contains("did not send it"));
}

#[test]
fn an_end_that_is_gone_is_told_as_such() {
    let (mut attacher, other) = Attacher::pair().unwrap();
    drop(other);
    asked(&mut attacher).unwrap_err();
    let (mut attacher, other) = Attacher::pair().unwrap();
    thread::spawn(move || receive(other.as_fd(), &mut [0; 64], drop));
    assert_eq!(asked(&mut attacher).unwrap_err(), "the helper process is gone");
}
