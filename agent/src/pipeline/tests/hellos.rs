//! TLS clients, by their ClientHellos.

use super::*;

/// The first bytes of a TLS client that asks for `api.openai.com`.
pub(super) fn hello() -> Bytes {
    hello_to(b"api.openai.com")
}

fn hello_to(name: &[u8; 14]) -> Bytes {
    let list = [&[0, 17, 0, 0, 14][..], name].concat();
    let extension = [&[0, 0, 0, 19][..], &list].concat();
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0, 0, 23], &extension].concat();
    let handshake = [&[1, 0, 0, u8::try_from(body.len()).unwrap()][..], &body].concat();
    [&[22, 3, 1, 0, u8::try_from(handshake.len()).unwrap()][..], &handshake].concat().into()
}

#[test]
fn a_conversation_with_a_provider_that_was_not_seen_is_told() {
    // Of a session without any request nothing was captured: it got its probes when the request was gone. One that
    // the kernel knew of, and told nothing about, was of no use.
    for (tied, captured, known_to_kernel) in
        [(false, false, false), (true, false, false), (true, true, false), (true, false, true)]
    {
        let mut bench = Bench::new();
        let event = Event::Opened {
            connection: SOCKET,
            pid: PID,
            command: "java".to_owned(),
            program: 0,
            ends: None,
            identities: Identities::default(),
            time_ns: 0,
        };
        bench.handle(event);
        bench.handle(Event::Hello { connection: SOCKET, pid: PID, bytes: hello(), time_ns: 400 });
        let known = bench
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::TlsClient { pid: PID, known: true, .. }));
        assert!(known, "{:?}", bench.effects);
        if tied {
            bench.handle(Event::Tied { session: SESSION, socket: SOCKET });
        }
        if captured {
            bench.moves(Direction::Write, &request("/v1/models", ""));
        }
        if known_to_kernel {
            bench.end(SESSION, End::Closed);
        }
        bench.end(SOCKET, End::Closed);
        let told = bench.effects.iter().find_map(|effect| match effect {
            Effect::Unseen(unseen) => Some((unseen.server_name.as_str(), unseen.moved, unseen.lasted_ns)),
            _ => None,
        });
        assert_eq!(told, (!captured && !known_to_kernel).then_some(("api.openai.com", [700, 300], 600)));
    }
}

#[test]
fn sessions_with_one_server_again_and_again_are_dismissed() {
    for (name, expected) in [(b"www.example.fr", 2), (b"api.openai.com", 0)] {
        let mut bench = Bench::new();
        for _ in 0..3 {
            bench.open();
            bench.handle(Event::Hello { connection: SOCKET, pid: PID, bytes: hello_to(name), time_ns: 400 });
            bench.end(SOCKET, End::Closed);
        }
        let dismissed =
            |effect: &&Effect| matches!(effect, Effect::Dismiss { pid: PID, hello_bytes: 75, .. });
        assert_eq!(bench.effects.iter().filter(dismissed).count(), expected, "{:?}", bench.effects);
        let clients = bench.effects.iter().filter(|effect| matches!(effect, Effect::TlsClient { .. }));
        assert_eq!(clients.count(), 3);
        // The process goes on to another program, to which nothing was ever said.
        bench.handle(Event::Exec { pid: PID, program: 2, time_ns: 0 });
        bench.open();
        bench.handle(Event::Hello { connection: SOCKET, pid: PID, bytes: hello_to(name), time_ns: 400 });
        assert_eq!(bench.effects.iter().filter(dismissed).count(), expected);
    }
}
