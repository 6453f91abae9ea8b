//! The program: as a worker it locks itself down before it does anything else; everything is in the library, see [`modelscand`].

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(first) if first == "worker" => modelscand::worker::main(),
        _ => modelscand::cli::main(),
    }
}
