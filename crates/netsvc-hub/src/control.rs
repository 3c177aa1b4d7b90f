//! What the operating system, or the program around it, asks of a hub.

use tokio::sync::mpsc::UnboundedSender;

use crate::message::Message;

/// Stops a hub and has it read its configuration again. Requests made before it runs are kept;
/// those made after its end have no effect.
#[derive(Clone)]
pub struct Control {
    pub(crate) sender: UnboundedSender<Message>,
}

impl Control {
    /// Ends the hub within its drain time; a second time, at once. `signal` goes into the log.
    pub fn stop(&self, signal: &'static str) {
        self.send(Message::Stop(signal));
    }

    /// Has the hub read its configuration file again.
    pub fn reload(&self) {
        self.send(Message::Reload);
    }

    /// False once the hub has ended.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    fn send(&self, message: Message) {
        // Without a receiver the hub has ended: nothing is left to ask for.
        let _ = self.sender.send(message);
    }
}
