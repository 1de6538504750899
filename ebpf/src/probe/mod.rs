//! One file per subject; the programs' names are what the agent attaches by.

mod process;
mod socket;
mod syscall;
mod tls;
