//! Completion scripts, in a real shell.

use std::process::Command;

use crate::sandbox::Sandbox;

/// What bash offers for the last of these words.
fn offered(sandbox: &Sandbox, words: &str) -> Vec<String> {
    let script = format!(
        "source <(\"$1\" completions bash) || exit 1\n\
         COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
         _katonic katonic \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &script, "bash", env!("CARGO_BIN_EXE_katonic")]).current_dir(sandbox.folder());
    let output = bash.output().expect("bash is essential on Debian");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    let sandbox = Sandbox::new();
    assert!(offered(&sandbox, "katonic proj").contains(&"projects".to_owned()));
    assert!(offered(&sandbox, "katonic jobs ''").contains(&"stop".to_owned()));
    assert!(offered(&sandbox, "katonic run --ti").contains(&"--timeout".to_owned()));
}

#[test]
fn every_shell_gets_a_script_of_its_own() {
    let sandbox = Sandbox::new();
    for (shell, mark) in [("zsh", "#compdef katonic"), ("fish", "complete -c katonic"), ("elvish", "edit:completion")] {
        let output = sandbox.katonic(&["completions", shell]).output().expect("started");
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(mark), "{shell}");
    }
}
