//! Which traces are sent to OTLP receivers: the settings, then the variables of the SDKs
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::{ConfigError, Origin};
use super::settings::Settings;
use super::value::{Switch, Text};
use super::{Environment, NONE};

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

/// By name: whether the caller's decision holds, and what is done with traces of which none is known; `None` is for the
/// argument to say.
const SAMPLERS: [(&str, bool, Option<f64>); 6] = [
    ("always_on", false, Some(1.0)),
    ("always_off", false, Some(0.0)),
    ("traceidratio", false, None),
    ("parentbased_always_on", true, Some(1.0)),
    ("parentbased_always_off", true, Some(0.0)),
    ("parentbased_traceidratio", true, None),
];

/// In billionths: a number with a fraction, without its rounding.
const BILLION: u64 = 1_000_000_000;

/// Which traces are sent. By default all are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Sampling {
    /// Which are sampled.
    pub sampler: Sampler,
    /// Which of the others are sent all the same.
    pub keep: Keep,
}

/// Which traces are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampler {
    /// Where a header says whether its trace is sampled, that holds.
    pub is_parent_based: bool,
    /// A trace is sampled when the number in the right half of its id is below this: 0 for none, 2^64 for all. So do the SDKs
    /// for Go, Python, Ruby and Rust; the specification leaves the algorithm open.
    pub below: u128,
}

/// What has a trace sent that is not sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Keep {
    /// A span of it failed.
    pub errors: bool,
    /// A local root of it, which is a span without a parent on this host, took longer.
    pub slower_than: Option<Duration>,
    /// It cost more on this host: billionths of a US dollar.
    pub costlier_than: Option<u64>,
}

impl Sampler {
    /// All traces.
    const ALL: u128 = 1 << 64;

    /// So many traces of one, from 0 to 1; with `is_parent_based` of those of which no header says whether they are.
    #[must_use]
    pub fn new(is_parent_based: bool, ratio: f64) -> Self {
        // Exact, since 2^64 changes the exponent alone.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^64")]
        let below = (ratio.clamp(0.0, 1.0) * 2_f64.powi(64)) as u128;
        Self { is_parent_based, below }
    }

    /// Whether each trace is sampled.
    #[must_use]
    pub fn is_always_on(&self) -> bool {
        !self.is_parent_based && self.below >= Self::ALL
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self { is_parent_based: false, below: Self::ALL }
    }
}

impl Keep {
    /// Whether no trace is sent that is not sampled.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Finds what is to be sent, and what is odd about it. A variable's value that is not known counts for nothing, as the
/// specification says; a setting's is refused.
///
/// # Errors
/// When a setting is not what is expected.
pub(super) fn resolve(
    settings: &Settings,
    origins: &BTreeMap<String, Origin>,
    environment: &Environment,
) -> Result<(Sampling, Vec<String>), ConfigError> {
    let invalid = |key: &str, value: &Text, expected: &str| ConfigError::Invalid {
        origin: origins.get(key).cloned().unwrap_or(Origin::Default),
        key: key.to_owned(),
        value: value.0.clone(),
        expected: expected.to_owned(),
    };
    let mut warnings = Vec::new();
    // Empty counts as not set, as the specification says.
    let variable =
        |name: &str| environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let found = match &settings.traces_sampler {
        Some(name) => {
            Some(find(&name.0).ok_or_else(|| invalid("traces-sampler", name, &expected_sampler()))?)
        }
        None => variable(SAMPLER).and_then(|name| {
            let found = find(name);
            if found.is_none() {
                warnings.push(format!(
                    "{SAMPLER} is '{name}', expected {}; it counts for nothing, and all traces are sent",
                    expected_sampler()
                ));
            }
            found
        }),
    };
    let sampler = match found {
        None => Sampler::default(),
        Some((is_parent_based, Some(ratio))) => Sampler::new(is_parent_based, ratio),
        Some((is_parent_based, None)) => {
            const EXPECTED: &str = "a number from 0 to 1";
            let given = match &settings.traces_sampler_arg {
                Some(text) => {
                    Some(ratio(&text.0).ok_or_else(|| invalid("traces-sampler-arg", text, EXPECTED))?)
                }
                None => variable(ARGUMENT).and_then(|text| {
                    let found = ratio(text);
                    if found.is_none() {
                        warnings.push(format!(
                            "{ARGUMENT} is '{text}', expected {EXPECTED}; it counts for nothing, and all traces are \
                             sampled"
                        ));
                    }
                    found
                }),
            };
            Sampler::new(is_parent_based, given.unwrap_or(1.0))
        }
    };
    let amount = |key: &str, text: &Option<Text>, expected: &str| match text {
        Some(text) if text.0 != NONE => {
            billionths(&text.0).map(Some).ok_or_else(|| invalid(key, text, expected))
        }
        _ => Ok(None),
    };
    let keep = Keep {
        errors: settings.keep_errors == Some(Switch::On),
        slower_than: amount(
            "keep-slower-than",
            &settings.keep_slower_than,
            "a number of seconds such as 30 or 2.5, or none",
        )?
        .map(Duration::from_nanos),
        costlier_than: amount(
            "keep-costlier-than",
            &settings.keep_costlier_than,
            "a number of US dollars such as 1 or 0.05, or none",
        )?,
    };
    if sampler.is_always_on() && !keep.is_nothing() {
        warnings.push(
            "keep-errors, keep-slower-than and keep-costlier-than change nothing while traces-sampler leaves none out"
                .to_owned(),
        );
    }
    Ok((Sampling { sampler, keep }, warnings))
}

fn find(name: &str) -> Option<(bool, Option<f64>)> {
    SAMPLERS
        .iter()
        .find(|(known, ..)| *known == name)
        .map(|(_, is_parent_based, ratio)| (*is_parent_based, *ratio))
}

fn expected_sampler() -> String {
    format!("one of {}", SAMPLERS.map(|(name, ..)| name).join(", "))
}

fn ratio(text: &str) -> Option<f64> {
    text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))
}

/// A number, of which nine digits behind the point count.
fn billionths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(BILLION)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const HALF: u128 = 1 << 63;
    const ALL: u128 = 1 << 64;

    fn resolved(
        settings: &Settings,
        variables: &[(&str, &str)],
    ) -> Result<(Sampling, Vec<String>), ConfigError> {
        let environment =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        resolve(settings, &BTreeMap::new(), &environment)
    }

    fn text(text: &str) -> Option<Text> {
        (!text.is_empty()).then(|| Text(text.to_owned()))
    }

    #[test]
    fn the_setting_goes_before_the_variable_and_unknown_variables_are_warned_of() {
        for (setting, argument, variables, expected, warned) in [
            ("", "", &[][..], (false, ALL), ""),
            ("", "", &[(SAMPLER, "")], (false, ALL), ""),
            ("", "", &[(SAMPLER, "always_on")], (false, ALL), ""),
            ("", "", &[(SAMPLER, "always_off")], (false, 0), ""),
            ("", "", &[(SAMPLER, "parentbased_always_on"), (ARGUMENT, "0")], (true, ALL), ""),
            ("", "", &[(SAMPLER, "parentbased_always_off")], (true, 0), ""),
            ("", "", &[(SAMPLER, "traceidratio")], (false, ALL), ""),
            ("", "", &[(SAMPLER, "traceidratio"), (ARGUMENT, "0.5")], (false, HALF), ""),
            ("", "", &[(SAMPLER, "traceidratio"), (ARGUMENT, "0")], (false, 0), ""),
            ("", "", &[(SAMPLER, "parentbased_traceidratio"), (ARGUMENT, "5e-1")], (true, HALF), ""),
            ("", "", &[(SAMPLER, "traceidratio"), (ARGUMENT, "1.5")], (false, ALL), "'1.5'"),
            ("", "", &[(SAMPLER, "traceidratio"), (ARGUMENT, "NaN")], (false, ALL), "'NaN'"),
            ("", "", &[(SAMPLER, "xray")], (false, ALL), "'xray'"),
            ("", "", &[(SAMPLER, "parentbased_jaeger_remote")], (false, ALL), "parentbased_traceidratio"),
            ("always_off", "", &[(SAMPLER, "always_on")], (false, 0), ""),
            ("traceidratio", "", &[(ARGUMENT, "0.5")], (false, HALF), ""),
            ("traceidratio", "0.25", &[(ARGUMENT, "0.5")], (false, HALF / 2), ""),
            ("", "0.25", &[(SAMPLER, "traceidratio"), (ARGUMENT, "x")], (false, HALF / 2), ""),
        ] {
            let settings = Settings {
                traces_sampler: text(setting),
                traces_sampler_arg: text(argument),
                ..Settings::default()
            };
            let (Sampling { sampler, keep }, warnings) = resolved(&settings, variables).unwrap();
            assert_eq!((sampler.is_parent_based, sampler.below), expected, "{setting} {variables:?}");
            assert!(keep.is_nothing());
            assert!(warnings.join("; ").contains(warned), "{warnings:?}");
            assert_eq!(warnings.is_empty(), warned.is_empty(), "{warnings:?}");
        }
    }

    #[test]
    fn what_is_kept_is_said_in_seconds_and_dollars() {
        let off = text("always_off");
        for (slower, costlier, expected) in [
            ("none", "none", (None, None)),
            ("30", "1", (Some(Duration::from_secs(30)), Some(BILLION))),
            ("2.5", "0.05", (Some(Duration::from_millis(2500)), Some(50_000_000))),
            ("0", "0.000000001", (Some(Duration::ZERO), Some(1))),
        ] {
            let settings = Settings {
                traces_sampler: off.clone(),
                keep_errors: Some(Switch::On),
                keep_slower_than: text(slower),
                keep_costlier_than: text(costlier),
                ..Settings::default()
            };
            let (Sampling { keep, .. }, warnings) = resolved(&settings, &[]).unwrap();
            assert!(keep.errors && warnings.is_empty(), "{warnings:?}");
            assert_eq!((keep.slower_than, keep.costlier_than), expected);
        }
        let keeps = Settings { keep_errors: Some(Switch::On), ..Settings::default() };
        let (_, warnings) = resolved(&keeps, &[]).unwrap();
        assert!(warnings.join("").contains("change nothing"), "{warnings:?}");
    }

    #[test]
    fn settings_that_are_no_such_are_refused() {
        let usual = Settings::default;
        for (settings, told) in [
            (Settings { traces_sampler: text("xray"), ..usual() }, "expected one of always_on, always_off"),
            (
                Settings { traces_sampler: text("traceidratio"), traces_sampler_arg: text("2"), ..usual() },
                "'traces-sampler-arg' is '2', expected a number from 0 to 1",
            ),
            (Settings { keep_slower_than: text("30s"), ..usual() }, "'30s', expected a number of seconds"),
            (Settings { keep_slower_than: text("-1"), ..usual() }, "'-1'"),
            (Settings { keep_slower_than: text("1."), ..usual() }, "'1.'"),
            (
                Settings { keep_costlier_than: text("0.0000000001"), ..usual() },
                "expected a number of US dollars",
            ),
            (Settings { keep_costlier_than: text("99999999999"), ..usual() }, "99999999999"),
        ] {
            let refused = resolved(&settings, &[]).unwrap_err().to_string();
            assert!(refused.contains(told), "{refused}");
        }
    }
}
