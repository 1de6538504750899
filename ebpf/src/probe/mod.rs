//! One file per subject; the programs' names are what the agent attaches by.

mod function;
mod key;
mod process;
mod socket;
mod syscall;
mod tie;
mod tls;
