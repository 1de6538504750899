//! Follows one HTTP/1 connection: which side asks, and which answer belongs to which request.

use std::collections::VecDeque;
use std::sync::Arc;

use super::held::Held;
use super::pending::Pending;
use super::state::{Abandoned, State};
use super::{Exchange, Limits, Outcome, Step};
use crate::event::{Direction, End, Role, Source};
use crate::protocol::http1::{Error, Part, RequestHead, ResponseHead, ResponseParser};
use crate::stream::Segment;

use probe::Probe;
use sides::{Sides, request_direction, role_of};

mod ends;
mod left;
mod losses;
mod probe;
mod sides;

/// One connection in one process, from its segments in capture order.
///
/// Responses are paired with requests by their order, and a response is never older than its request.
/// After a loss the exchanges under way end as lost, and pairs are found again at a request that was sent
/// after its client had read of an answer, as it does once it has read all of it: what is newer than
/// that request is the answer to it. Where several requests were unanswered, as many such turns must
/// pass as answers may still come; the requests until then end as lost, too. Only a client that was seen
/// to pipeline, that is, to be answered while a further request of its was waiting, may always be behind by
/// some answers, and nothing that it does shows how many: after a loss its connection is given up for good.
///
/// What a client uploads must never be read as a request. So one begins where the framing of the request
/// before it says so and all of that was seen or counted, or, where nothing is known of what came before
/// (at first, and after a loss or a stretch that was left out), at a [`Segment::Turn`]: the kernel side
/// says of the first bytes of a call, and of no other bytes, that they are the first since the other side
/// spoke. Where a call is cut into records, or a program cuts a body into calls, there is none; that a
/// loss takes the sign away only makes a request unseen. Not told apart: a body of which the peer answers
/// a part while neither the request's head nor that answer was captured.
#[derive(Debug)]
pub struct HttpConnection {
    limits: Limits,
    phase: Phase,
    /// Exchanges in the order of their requests. All but the last have a whole request, all but the
    /// first lack a whole response.
    outstanding: VecDeque<Pending>,
    next_ordinal: u64,
    /// What no request has claimed yet.
    held: Held,
    source: Source,
    /// Of what this process serves the heads alone are wanted, but of those requests that this says.
    serves_heads: Option<fn(&RequestHead) -> bool>,
    peer_closed: bool,
    /// Sending a request failed, and when.
    failed: Option<(End, u64)>,
    /// A request was answered while a further one was waiting.
    pipelines: bool,
    /// Requests that must be sent at a turn until one can be paired again: see [`Self`]. 0 while all is well.
    turns_to_pass: usize,
    /// What is missing before the next response is not its own: it may begin behind a gap.
    answers_left_out: bool,
    /// Bytes of a request that was left: see [`Self::skip`].
    left_bytes: u64,
}

#[derive(Debug)]
enum Phase {
    /// No request was seen yet.
    Probing(Probe),
    Following(Sides),
    Abandoned(Abandoned),
}

impl HttpConnection {
    /// A connection of which nothing has been seen.
    #[must_use]
    pub fn new(limits: Limits, source: Source) -> Self {
        Self {
            limits,
            source,
            serves_heads: None,
            failed: None,
            phase: Phase::Probing(Probe::default()),
            outstanding: VecDeque::new(),
            next_ordinal: 0,
            held: Held::default(),
            peer_closed: false,
            pipelines: false,
            turns_to_pass: 0,
            answers_left_out: false,
            left_bytes: 0,
        }
    }

    /// Whether it is worth capturing more of this connection.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Abandoned(reason) => State::Abandoned(*reason),
            Phase::Probing(_) | Phase::Following(_) => State::Following,
        }
    }

    /// What is known so far of an exchange that is under way.
    #[must_use]
    pub fn exchange(&self, ordinal: u64) -> Option<&Exchange> {
        self.outstanding.iter().map(Pending::exchange).find(|exchange| exchange.ordinal == ordinal)
    }

    /// Captured bytes that belong to no exchange that was seen: what a late observer met first, what
    /// came behind a loss, and what exceeded the limits.
    #[must_use]
    pub fn unclaimed_bytes(&self) -> u64 {
        let skipped = match &self.phase {
            Phase::Following(sides) => sides.requests.parser.skipped_bytes(),
            Phase::Probing(_) | Phase::Abandoned(_) => 0,
        };
        self.held.dropped_bytes().saturating_add(skipped).saturating_add(self.left_bytes)
    }

    /// Takes the next segment of one direction. `time_ns` is that of the call that moved it
    /// (`CLOCK_MONOTONIC`: the begin for sent bytes, the return for received ones).
    pub fn push(
        &mut self,
        direction: Direction,
        time_ns: u64,
        segment: Segment,
        sink: &mut impl FnMut(Step),
    ) {
        if matches!(segment, Segment::Gap(1..)) {
            self.leave_unread(sink);
        }
        match &self.phase {
            Phase::Probing(_) => self.probe(direction, time_ns, segment, sink),
            Phase::Following(sides) if direction == request_direction(sides.role) => {
                self.read_requests(time_ns, segment, sink);
            }
            Phase::Following(_) => self.read_responses(time_ns, segment, sink),
            Phase::Abandoned(_) => {}
        }
    }

    /// Looks for the first request, in either direction.
    fn probe(
        &mut self,
        direction: Direction,
        time_ns: u64,
        mut segment: Segment,
        sink: &mut impl FnMut(Step),
    ) {
        let Phase::Probing(probe) = &mut self.phase else { return };
        let whole = segment.clone();
        match probe.read(&self.limits, direction, time_ns, &mut segment) {
            // It may be a response that came before its request.
            Ok(None) => self.held.push(&self.limits, direction, time_ns, whole),
            Ok(Some((head, requests))) => {
                let role = role_of(direction);
                self.phase = Phase::Following(Sides { role, requests, responses: ResponseParser::new() });
                self.begin(head, time_ns, sink);
                self.read_requests(time_ns, segment, sink);
            }
            Err(reason) => self.abandon(reason, time_ns, sink),
        }
    }

    fn read_requests(&mut self, time_ns: u64, mut segment: Segment, sink: &mut impl FnMut(Step)) {
        let captured = matches!(segment, Segment::Data(_));
        loop {
            // Looked up each time: a part may end the following.
            let Phase::Following(sides) = &mut self.phase else { return };
            match sides.requests.read(&mut segment, time_ns) {
                Ok(Some(part)) => {
                    let pending = self.outstanding.back_mut().filter(|pending| !pending.request_whole);
                    if let Some(pending) = pending.filter(|_| captured && !matches!(part, Part::Head(_))) {
                        pending.request_seen(time_ns);
                    }
                    self.request_part(part, time_ns, sink);
                }
                Ok(None) => return,
                Err(Error::Lost(bytes)) => self.lose(Outcome::Lost, bytes, time_ns, sink),
                Err(error) => {
                    let reason = Abandoned::by(error, sides.role);
                    return self.abandon(reason, time_ns, sink);
                }
            }
        }
    }

    fn request_part(&mut self, part: Part<RequestHead>, time_ns: u64, sink: &mut impl FnMut(Step)) {
        if let Part::Head(head) = part {
            return self.begin(head, time_ns, sink);
        }
        // None, when the exchange ended or was left before its request was whole.
        let Some(pending) = self.outstanding.back_mut().filter(|pending| !pending.request_whole) else {
            if let Part::Body(bytes) = part {
                self.left_bytes = self.left_bytes.saturating_add(bytes.len() as u64);
            }
            return;
        };
        let paired = pending.paired;
        match part {
            Part::Body(bytes) => pending.request_body(bytes, time_ns, sink),
            Part::BodyGap(bytes) => pending.request_gap(bytes, time_ns, sink),
            Part::End => {
                pending.request_end(sink);
                if paired {
                    self.complete_first(sink);
                } else if let Some(pending) = self.outstanding.pop_back() {
                    pending.finish(Outcome::Lost, time_ns, sink);
                }
            }
            Part::Trailers(trailers) => pending.request_trailers(trailers, time_ns, sink),
            Part::Head(_) | Part::Tunnel => {}
        }
    }

    /// A request begins. What was held of its response follows at once.
    fn begin(&mut self, head: RequestHead, time_ns: u64, sink: &mut impl FnMut(Step)) {
        let Phase::Following(sides) = &self.phase else { return };
        let (role, started_ns, turned) = (sides.role, sides.requests.head_began_ns, sides.requests.turned);
        let unanswered = self.outstanding.back().is_some_and(|ahead| !ahead.is_answered());
        // Not pipelined: the answer ahead was lost. What was missing may have been all of it. Or there are too
        // many, and one side cannot be seen.
        let answered_unseen =
            self.outstanding.front().is_some_and(|ahead| ahead.behind_gap && !ahead.is_answered());
        let lost = answered_unseen || turned && unanswered && !self.pipelines;
        if turned && self.outstanding.front().is_some_and(|ahead| ahead.heads_only && ahead.is_answered()) {
            // The end of its answer was not captured.
            self.finish_all(Outcome::Complete, time_ns, sink);
            if let Phase::Following(sides) = &mut self.phase {
                sides.responses.restart();
            }
        }
        if lost || self.outstanding.len() >= self.limits.outstanding {
            self.lose(Outcome::Lost, 0, time_ns, sink);
        }
        if !matches!(self.phase, Phase::Following(_)) {
            return;
        }
        if turned {
            self.turns_to_pass = self.turns_to_pass.saturating_sub(1);
        }
        let request = Arc::new(head);
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        let mut pending = Pending::new(ordinal, role, Arc::clone(&request), started_ns, &self.limits);
        pending.request_seen(time_ns);
        pending.paired = self.turns_to_pass == 0;
        pending.turned = turned;
        if role == Role::Server && self.serves_heads.is_some_and(|wants| !wants(&request)) {
            pending.leave_bodies();
            if let Phase::Following(sides) = &mut self.phase {
                sides.requests.parser.leave_chunks();
            }
        }
        self.outstanding.push_back(pending);
        sink(Step::Began { ordinal, role, time_ns: started_ns, request });
        let (released, overflowed) = self.held.release(request_direction(role).opposite(), started_ns);
        if overflowed {
            if let Some(pending) = self.outstanding.back_mut() {
                pending.note("response came long before its request");
            }
            self.lose(Outcome::Lost, 0, time_ns, sink);
        }
        for (time_ns, segment) in released {
            self.read_responses(time_ns, segment, sink);
        }
    }

    fn read_responses(&mut self, time_ns: u64, mut segment: Segment, sink: &mut impl FnMut(Step)) {
        let captured = matches!(segment, Segment::Data(_));
        loop {
            let Phase::Following(sides) = &mut self.phase else { return };
            let several = self.outstanding.len() > 1;
            let awaits = |pending: &&mut Pending| pending.paired && !pending.response_whole;
            let Some(pending) = self.outstanding.front_mut().filter(awaits) else {
                let direction = request_direction(sides.role).opposite();
                return self.held.push(&self.limits, direction, time_ns, segment);
            };
            if sides.responses.is_idle() && !several {
                if self.answers_left_out && time_ns < pending.started_ns() {
                    return self.drop_left(&segment);
                }
                if let Segment::Gap(missing) = segment {
                    // All that is newer than a request that waits alone is of its answer, which may be an
                    // interim one; one that goes on begins a segment, since it begins a call.
                    if !self.answers_left_out {
                        pending.missing(missing);
                    }
                    pending.behind_gap = true;
                    self.answers_left_out = true;
                    return;
                }
            }
            match sides.responses.read(&mut segment, pending.method()) {
                Ok(Some(part)) => {
                    if captured || pending.heads_only {
                        pending.response_seen(time_ns);
                    }
                    self.response_part(part, time_ns, sink);
                }
                Ok(None) => {
                    // Not of an interim response, or of a head that may never be whole.
                    if captured && pending.is_answered() {
                        pending.response_seen(time_ns);
                    }
                    return;
                }
                Err(Error::Lost(bytes)) => self.lose_response(Outcome::Lost, bytes, time_ns, sink),
                // What is left of an answer of which not all is missing.
                Err(Error::NotHttp) if self.answers_left_out => {
                    self.lose_response(Outcome::Lost, 0, time_ns, sink);
                    return self.drop_left(&segment);
                }
                Err(error) => {
                    pending.note(error.words());
                    self.lose_response(Outcome::Unreadable, 0, time_ns, sink);
                    return self.drop_left(&segment);
                }
            }
        }
    }

    fn response_part(&mut self, part: Part<ResponseHead>, time_ns: u64, sink: &mut impl FnMut(Step)) {
        self.pipelines |= self.outstanding.len() > 1 && matches!(part, Part::Head(_));
        let Some(pending) = self.outstanding.front_mut() else { return };
        match part {
            Part::Head(head) => {
                self.answers_left_out = false;
                pending.answered(head, &self.limits, sink);
                if pending.heads_only
                    && let Phase::Following(sides) = &mut self.phase
                {
                    sides.responses.leave_chunks();
                }
            }
            Part::Body(bytes) => pending.response_body(bytes, time_ns, sink),
            Part::BodyGap(bytes) => pending.response_gap(bytes, time_ns, sink),
            Part::Trailers(trailers) => pending.response_trailers(trailers, time_ns, sink),
            Part::End => self.response_end(sink),
            Part::Tunnel => {
                if let Some(pending) = self.outstanding.pop_front() {
                    pending.finish(Outcome::Complete, time_ns, sink);
                }
                self.abandon(Abandoned::Tunnel, time_ns, sink);
            }
        }
    }
}

#[cfg(test)]
mod tests;
