#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use clap::CommandFactory;

use super::*;
use crate::config::ContentMode;

/// Parses with a file that sets nothing, so that the host's own file has no say.
fn parsed(arguments: &[&str]) -> Result<Command, CliError> {
    let environment = Environment::from([("SPANWIRE_CONFIG".to_owned(), "/dev/null".to_owned())]);
    parse(std::iter::once("spanwire").chain(arguments.iter().copied()), &environment)
}

fn usage(arguments: &[&str]) -> clap::Error {
    match parsed(arguments) {
        Err(CliError::Usage(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn clap_finds_the_definition_sound() {
    CommandLine::command().debug_assert();
}

#[test]
fn run_takes_settings_as_flags() {
    let Command::Run { config, supervised: false } =
        parsed(&["run", "--body-limit", "64KiB", "--output=console"]).unwrap()
    else {
        panic!("not run");
    };
    assert_eq!(config.body_limit, 64 << 10);
    assert!(config.console && config.otlp.is_empty());
}

#[test]
fn a_service_hands_its_settings_on_and_refuses_what_run_would() {
    let words = ["service", "--output", "console", "--body-limit=64KiB"];
    let Command::Service { arguments, config } = parsed(&words).unwrap() else { panic!("not a service") };
    assert_eq!(arguments, words[1..]);
    assert!(config.console && !config.take_over);
    assert_eq!(usage(&["service", "--", "python3"]).exit_code(), 2);
    assert!(matches!(parsed(&["service", "--body-limit=1"]), Err(CliError::Config(_))));
    for (words, taken, is_supervised) in [
        (&["run", "--output=console"][..], false, false),
        (&["run", "--output=console", "--take-over"], true, false),
        (&["run", "--output=console", "--supervised"], true, true),
    ] {
        let Command::Run { config, supervised } = parsed(words).unwrap() else { panic!("not run") };
        assert_eq!((config.take_over, supervised), (taken, is_supervised), "{words:?}");
    }
    assert_eq!(usage(&["run", "--take-over", "--", "python3"]).exit_code(), 2);
}

#[test]
fn run_takes_a_command_behind_two_hyphens() {
    let parsed = parsed(&["run", "--output=console", "--", "python3", "-c", "--log"]).unwrap();
    let Command::RunCommand { command, config } = parsed else { panic!("{parsed:?}") };
    assert_eq!(command, ["python3", "-c", "--log"]);
    assert!(config.console);
    assert_eq!(usage(&["run", "python3"]).exit_code(), 2, "no hyphens");
}

#[test]
fn demo_has_a_default_interpreter() {
    let Command::Demo { python, .. } = parsed(&["demo"]).unwrap() else { panic!("not demo") };
    assert_eq!(python, PathBuf::from("python3"));
}

#[test]
fn status_asks_at_the_usual_place_or_another() {
    for (arguments, socket, json) in [
        (&["status"][..], STATUS_SOCKET, false),
        (&["status", "--json", "--socket", "/tmp/s"], "/tmp/s", true),
    ] {
        assert_eq!(parsed(arguments).unwrap(), Command::Status { socket: socket.into(), json });
    }
}

#[test]
fn stats_are_a_table_unless_json_is_asked_for() {
    for (arguments, socket, format) in [
        (&["stats"][..], STATUS_SOCKET, StatsFormat::Table),
        (&["stats", "--format=json", "--socket", "/tmp/s"], "/tmp/s", StatsFormat::Json),
    ] {
        assert_eq!(parsed(arguments).unwrap(), Command::Stats { socket: socket.into(), format });
    }
    assert_eq!(usage(&["stats", "--format", "xml"]).exit_code(), 2);
}

#[test]
fn redact_reads_standard_input_alone() {
    for (arguments, mode, why, json) in [
        (&["redact", "--stdin"][..], RedactMode::Redacted, false, false),
        (&["redact", "--stdin", "--why", "--mode=full"], RedactMode::Full, true, false),
        (&["redact", "--stdin", "--json"], RedactMode::Redacted, false, true),
    ] {
        assert_eq!(
            parsed(arguments).unwrap(),
            Command::Redact { mode, why, json, policy: ContentPolicy::default() }
        );
    }
    for arguments in [&["redact"][..], &["redact", "--stdin", "--mode=off"], &["redact", "--stdin", "text"]] {
        assert_eq!(usage(arguments).exit_code(), 2, "{arguments:?}");
    }
}

#[test]
fn check_says_what_is_wrong_with_the_configuration() {
    let broken = Environment::from([("SPANWIRE_CONFIG".to_owned(), "/does/not/exist".to_owned())]);
    let Command::Check { programs: true, config: Err(error) } =
        parse(["spanwire", "check", "--programs"], &broken).unwrap()
    else {
        panic!("no error");
    };
    assert!(error.contains("/does/not/exist"), "{error}");
    let parsed = parsed(&["check", "--content", "full"]).unwrap();
    let Command::Check { programs: false, config: Ok(config) } = parsed else { panic!("{parsed:?}") };
    assert_eq!(config.content.mode, ContentMode::Full);
}

#[test]
fn help_and_version_succeed_and_mistakes_are_usage_errors() {
    for arguments in [&["--version"][..], &["--help"], &["run", "--help"], &["help", "demo"]] {
        assert_eq!(usage(arguments).exit_code(), 0, "{arguments:?}");
    }
    for arguments in [&[][..], &["fly"], &["run", "--body-limit", "big"], &["run", "--color", "red"]] {
        assert_eq!(usage(arguments).exit_code(), 2, "{arguments:?}");
    }
    let text = usage(&["run", "--body-limit", "big"]).to_string();
    assert!(text.contains("--body-limit") && text.contains("a size such as 1MiB"), "{text}");
}

#[test]
fn a_named_file_must_exist() {
    let error = parsed(&["run", "--config", "/does/not/exist"]).unwrap_err();
    assert!(error.to_string().contains("/does/not/exist"), "{error}");
}

#[test]
fn every_flag_and_command_is_explained() {
    for command in CommandLine::command().get_subcommands() {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{}", argument.get_id());
        }
    }
}
