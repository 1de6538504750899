//! The manual, and what shells complete, made of what the command line takes.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_complete::aot::generate;

use super::CommandLine;

const NAME: &str = "spanwire";

/// Writes what `shell` reads.
///
/// # Errors
/// When it cannot be written.
pub fn complete(shell: Shell, out: &mut dyn Write) -> Result<()> {
    // What makes it panics where nobody reads any more.
    let mut text = Vec::new();
    generate(shell, &mut CommandLine::command(), NAME, &mut text);
    Ok(out.write_all(&text)?)
}

/// Writes the manual's pages to `man` of this folder, one a command, and what each shell completes to `completions`, under
/// the names by which packages install them.
///
/// # Errors
/// When a file or folder cannot be written.
pub fn write(folder: &Path) -> Result<()> {
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    for folder in [&man, &completions] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    clap_mangen::generate_to(CommandLine::command(), &man)
        .with_context(|| format!("cannot write to {}", man.display()))?;
    for (shell, name) in
        [(Shell::Bash, "spanwire"), (Shell::Zsh, "_spanwire"), (Shell::Fish, "spanwire.fish")]
    {
        let path = completions.join(name);
        let mut text = Vec::new();
        complete(shell, &mut text)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_and_each_shell_its_file() {
        let folder = std::env::temp_dir().join(format!("spanwire-documents-{}", std::process::id()));
        write(&folder).unwrap();
        let page = fs::read_to_string(folder.join("man/spanwire-run.1")).unwrap();
        assert!(page.contains("body\\-limit"), "{page}");
        let shown: Vec<_> = CommandLine::command()
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(|command| format!("spanwire-{}.1", command.get_name()))
            .collect();
        assert!(
            shown.len() > 8 && shown.iter().all(|page| folder.join("man").join(page).exists()),
            "{shown:?}"
        );
        assert!(!folder.join("man/spanwire-documents.1").exists());
        for (shell, name) in
            [(Shell::Bash, "spanwire"), (Shell::Zsh, "_spanwire"), (Shell::Fish, "spanwire.fish")]
        {
            let mut printed = Vec::new();
            complete(shell, &mut printed).unwrap();
            assert_eq!(fs::read(folder.join("completions").join(name)).unwrap(), printed);
            assert!(String::from_utf8(printed).unwrap().contains("body-limit"));
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
