//! The verbs of a process with owned arguments, as tests have them at hand.

use netsvc_core::{
    CallId, CommandError, Content, HandlerResult, Lifetime, Process, ProcessId, PublishOptions,
    RequestOptions, ServiceNo, Str, Time,
};

use crate::target::Target;

/// Verbs with owned arguments.
pub trait Verbs {
    /// Publishes a report.
    ///
    /// # Errors
    /// What is wrong with it.
    fn report(
        &mut self,
        now: Time,
        service: ServiceNo,
        subject: impl Into<Str>,
        content: Content,
        lifetime: Lifetime,
    ) -> Result<bool, CommandError>;

    /// Publishes a report for one process.
    ///
    /// # Errors
    /// What is wrong with it.
    fn report_to(
        &mut self,
        service: ServiceNo,
        to: ProcessId,
        subject: impl Into<Str>,
        content: Content,
    ) -> Result<bool, CommandError>;

    /// Asks a service.
    fn ask(
        &mut self,
        now: Time,
        key: u64,
        target: Target,
        method: impl Into<Str>,
        content: Content,
        options: RequestOptions<'_>,
    );

    /// Ends an invocation.
    fn answer(&mut self, call: CallId, result: HandlerResult);

    /// Sends a part of a streamed result.
    ///
    /// # Errors
    /// What is wrong with it.
    fn part(&mut self, now: Time, call: CallId, content: Content) -> Result<u32, CommandError>;
}

impl Verbs for Process {
    fn report(
        &mut self,
        now: Time,
        service: ServiceNo,
        subject: impl Into<Str>,
        content: Content,
        lifetime: Lifetime,
    ) -> Result<bool, CommandError> {
        let options = PublishOptions { lifetime, ..PublishOptions::default() };
        self.publish(now, service, &subject.into(), content.by_ref(), options)
    }

    fn report_to(
        &mut self,
        service: ServiceNo,
        to: ProcessId,
        subject: impl Into<Str>,
        content: Content,
    ) -> Result<bool, CommandError> {
        let options = PublishOptions { to: Some(to), ..PublishOptions::default() };
        self.publish(Time(0), service, &subject.into(), content.by_ref(), options)
    }

    fn ask(
        &mut self,
        now: Time,
        key: u64,
        target: Target,
        method: impl Into<Str>,
        content: Content,
        options: RequestOptions<'_>,
    ) {
        self.request(now, key, target.by_ref(), &method.into(), content.by_ref(), options);
    }

    fn answer(&mut self, call: CallId, result: HandlerResult) {
        self.respond(call, result.by_ref(), &[]);
    }

    fn part(&mut self, now: Time, call: CallId, content: Content) -> Result<u32, CommandError> {
        self.send_part(now, call, content.by_ref())
    }
}
