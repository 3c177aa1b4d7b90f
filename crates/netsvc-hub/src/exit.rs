//! How the program ends.

/// The exit codes; service managers and scripts branch on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It was asked to stop, or only to print something.
    Stopped = 0,
    /// It cannot listen, or the system lacks resources: trying again may help.
    Unable = 1,
    /// The command line or the configuration is wrong: trying again does not help.
    Usage = 2,
    /// A fault in netsvcd.
    Fault = 3,
}

impl Exit {
    /// As the operating system takes it.
    pub fn code(self) -> u8 {
        self as u8
    }
}
