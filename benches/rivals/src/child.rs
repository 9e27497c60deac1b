//! One measurement in a process of its own: the allocator starts clean, and nobody inherits another one's memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use crate::parts;

/// Figures by name, the unit behind it: `get/uniform ns`.
pub(crate) type Figures = BTreeMap<String, f64>;

/// What is to be measured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Task {
    pub(crate) part: String,
    pub(crate) group: String,
    pub(crate) subject: String,
}

/// The first argument of a process that only does one task.
pub(crate) const WORD: &str = "child";

impl Task {
    /// Does it in another process.
    pub(crate) fn run(&self, scale: f64) -> Result<Figures, String> {
        self.run_on(None, scale)
    }

    /// Does it in another process, which stays on one core if one is named.
    pub(crate) fn run_on(&self, core: Option<usize>, scale: f64) -> Result<Figures, String> {
        let text = start_on(core, &[&self.part, &self.group, &self.subject, &scale.to_string()], None)?;
        serde_json::from_str(&text).map_err(|error| format!("{error} in {text}"))
    }
}

/// Starts this program again for a task, which may be about a file, and returns what it prints.
pub(crate) fn start(arguments: &[&str], path: Option<&Path>) -> Result<String, String> {
    start_on(None, arguments, path)
}

/// [`start`] on one core, if one is named and the system has `taskset`.
fn start_on(core: Option<usize>, arguments: &[&str], path: Option<&Path>) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    start_as(&program, &[], core, arguments, path)
}

/// [`start_on`] with a program that is this one in another build, and with more variables of the environment.
pub(crate) fn start_as(
    program: &Path,
    variables: &[(&str, &str)],
    core: Option<usize>,
    arguments: &[&str],
    path: Option<&Path>,
) -> Result<String, String> {
    let mut command = match core.filter(|_| has_taskset()) {
        Some(core) => {
            let mut command = Command::new("taskset");
            command.arg("--cpu-list").arg(core.to_string()).arg(program);
            command
        }
        None => Command::new(program),
    };
    let output = command
        .arg(WORD)
        .args(arguments)
        .args(path)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(output.status.to_string());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

fn has_taskset() -> bool {
    let told = Command::new("taskset").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    told.is_ok_and(|status| status.success())
}

/// Does the task that the arguments name and prints its figures. Ends without giving back what it has allocated.
#[allow(clippy::print_stdout, reason = "the parent reads it")]
pub(crate) fn main(arguments: &[String]) -> ExitCode {
    let figures = match arguments {
        [part, group, subject, scale] => {
            let scale = scale.parse().expect("a scale");
            let task = Task { part: part.clone(), group: group.clone(), subject: subject.clone() };
            let part = parts::find(part).expect("a part that is there");
            (part.run)(&task, scale)
        }
        [word, subject, scale] if word == parts::allocators::WORD => {
            parts::allocators::measure_one(subject, scale.parse().expect("a scale"))
        }
        [replay, path] if replay == parts::journal::REPLAY => parts::journal::replay(path.as_ref()),
        [load, subject, path] if load == parts::persistence::LOAD => parts::persistence::load(subject, path.as_ref()),
        _ => panic!("no task is {arguments:?}"),
    };
    println!("{}", serde_json::to_string(&figures).expect("figures are numbers"));
    ExitCode::SUCCESS
}
