//! Findings as a person or a program reads them.

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::{
    check::{Finding, Severity},
    checks,
};
use crate::failure::one_line;

/// One document; new fields may join, none changes its meaning.
pub fn document(findings: &[Finding]) -> Value {
    let listed: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "code": finding.check.code,
                "severity": finding.check.severity.name(),
                "fact": one_line(&finding.fact),
                "cause": finding.check.cause,
                "next": one_line(&finding.next),
            })
        })
        .collect();
    json!({
        "checks": checks::all().count(),
        "problems": count(findings, Severity::Problem),
        "warnings": count(findings, Severity::Warning),
        "findings": listed,
    })
}

/// Problems first; each with its cause and its next step below it.
pub fn human(findings: &[Finding]) -> String {
    let mut text = String::new();
    for severity in [Severity::Problem, Severity::Warning] {
        for finding in findings.iter().filter(|finding| finding.check.severity == severity) {
            text.push_str(&paragraph(finding));
        }
    }
    text.push_str(&summary(findings));
    text
}

fn paragraph(finding: &Finding) -> String {
    let (mark, dim) = (colour(finding.check.severity), Style::new().dimmed());
    let (severity, code) = (finding.check.severity.name(), finding.check.code);
    format!(
        "{mark}{severity}{mark:#} {} {dim}{code}{dim:#}\n  {dim}cause{dim:#} {}\n  {dim}next {dim:#} {}\n\n",
        one_line(&finding.fact),
        finding.check.cause,
        one_line(&finding.next),
    )
}

fn colour(severity: Severity) -> Style {
    match severity {
        Severity::Problem => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
    }
}

fn summary(findings: &[Finding]) -> String {
    let checks = checks::all().count();
    match (count(findings, Severity::Problem), count(findings, Severity::Warning)) {
        (0, 0) => format!("All {checks} checks are fine.\n"),
        (problems, warnings) => {
            format!("{} and {} in {checks} checks.\n", counted(problems, "problem"), counted(warnings, "warning"))
        }
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.check.severity == severity).count()
}
