//! The steps of a message's way, each to be measured alone.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::relay::Relay;

/// A step of the way that a report or a request takes, in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The sender publishes and encodes.
    Publish,
    /// The hub routes a report.
    RouteReport,
    /// Receivers decode a report and tell their application.
    Hear,
    /// As `Hear`, but the report is queued in between.
    HearQueued,
    /// The sender begins a request and encodes it.
    Ask,
    /// The hub routes a request.
    RouteRequest,
    /// The receiver decodes a request, tells its application, and encodes the answer.
    Answer,
    /// As `Answer`, but the request is queued in between.
    AnswerQueued,
    /// The hub routes a response.
    RouteResponse,
    /// The sender decodes a response and tells its application.
    Conclude,
    /// As `Conclude`, but the response is queued in between.
    ConcludeQueued,
}

impl Step {
    /// All of them, in the order in which a message takes them: reports, then requests.
    pub const ALL: [Self; 11] = [
        Self::Publish,
        Self::RouteReport,
        Self::Hear,
        Self::HearQueued,
        Self::Ask,
        Self::RouteRequest,
        Self::Answer,
        Self::AnswerQueued,
        Self::RouteResponse,
        Self::Conclude,
        Self::ConcludeQueued,
    ];

    /// For people and scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::RouteReport => "route report",
            Self::Hear => "hear",
            Self::HearQueued => "hear, queued",
            Self::Ask => "ask",
            Self::RouteRequest => "route request",
            Self::Answer => "answer",
            Self::AnswerQueued => "answer, queued",
            Self::RouteResponse => "route response",
            Self::Conclude => "conclude",
            Self::ConcludeQueued => "conclude, queued",
        }
    }
}

impl Relay {
    /// Sends `count` messages all their way: reports, or requests with their responses, whichever
    /// take the step `wanted`. That step is handed to `measured`, which runs it once.
    ///
    /// # Panics
    /// If a message is lost: what was measured then means nothing.
    pub fn round(
        &mut self,
        wanted: Step,
        count: usize,
        content: &Bytes,
        mut measured: impl FnMut(&mut dyn FnMut()),
    ) {
        let mut run = |step: Step, work: &mut dyn FnMut()| {
            if step == wanted { measured(work) } else { work() }
        };
        if matches!(wanted, Step::Publish | Step::RouteReport | Step::Hear | Step::HearQueued) {
            let mut heard = 0;
            run(Step::Publish, &mut || self.publish(count, content));
            self.carry_to_hub();
            run(Step::RouteReport, &mut || self.route());
            self.carry_from_hub();
            if wanted == Step::HearQueued {
                run(wanted, &mut || heard += self.hear_queued());
            } else {
                run(Step::Hear, &mut || heard += self.hear());
            }
            assert_eq!(heard, count * self.receivers.len(), "reports were lost");
        } else {
            let (mut answered, mut done) = (0, 0);
            run(Step::Ask, &mut || self.ask(count, content));
            self.carry_to_hub();
            run(Step::RouteRequest, &mut || self.route());
            self.carry_from_hub();
            if wanted == Step::AnswerQueued {
                run(wanted, &mut || answered += self.answer_queued());
            } else {
                run(Step::Answer, &mut || answered += self.answer());
            }
            self.carry_back();
            run(Step::RouteResponse, &mut || self.route());
            self.carry_from_hub();
            if wanted == Step::ConcludeQueued {
                run(wanted, &mut || done += self.conclude_queued());
            } else {
                run(Step::Conclude, &mut || done += self.conclude());
            }
            assert_eq!((answered, done), (count, count), "requests were lost");
        }
    }

    /// How long the step `wanted` takes in that many rounds, altogether.
    ///
    /// # Panics
    /// If a message is lost.
    pub fn time(&mut self, wanted: Step, rounds: u64, count: usize, content: &Bytes) -> Duration {
        let mut time = Duration::ZERO;
        for _ in 0..rounds {
            self.round(wanted, count, content, |work| {
                let start = Instant::now();
                work();
                time += start.elapsed();
            });
        }
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::Shape;

    #[test]
    fn every_step_is_handed_over_once_in_a_round() {
        for step in Step::ALL {
            let mut relay = Relay::new(Shape { receivers: 3, ..Shape::default() });
            let mut handed = 0;
            relay.round(step, 5, &Bytes::from_static(b"content"), |work| {
                handed += 1;
                work();
            });
            assert_eq!(handed, 1, "{step:?}");
        }
    }

    #[test]
    #[should_panic(expected = "reports were lost")]
    fn a_step_that_is_not_run_is_noticed() {
        let mut relay = Relay::new(Shape::default());
        relay.round(Step::RouteReport, 1, &Bytes::new(), |_| ());
    }
}
