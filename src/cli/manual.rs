//! `geovagt completions` and `geovagt man`: what a package installs beside the program, made from
//! the same definition that reads the command line, so that it cannot differ from it.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{Answer, Context};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: geovagt completions bash > /etc/bash_completion.d/geovagt")]
pub(crate) struct CompletionsArguments {
    /// The shell that is to know the commands.
    shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: geovagt man | man -l -")]
pub(crate) struct ManArguments {
    /// Write a page for each command into this directory, instead of geovagt(1) to standard output.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn completions(
    context: &Context,
    arguments: &CompletionsArguments,
) -> anyhow::Result<Answer> {
    context.out().write_all(&script(arguments.shell))?;
    Ok(Answer::Yes)
}

pub(crate) fn man(context: &Context, arguments: &ManArguments) -> anyhow::Result<Answer> {
    let Some(directory) = &arguments.directory else {
        let (_, page) = pages()?.into_iter().next().context("there is no page")?;
        context.out().write_all(&page)?;
        return Ok(Answer::Yes);
    };
    for (name, page) in pages()? {
        let file = directory.join(name);
        std::fs::write(&file, page)
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(Answer::Yes)
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::Arguments::command(), "geovagt", &mut script);
    script
}

/// Each page with the name of its file, `geovagt.1` first.
fn pages() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut command = super::Arguments::command().disable_help_subcommand(true);
    // Gives `geovagt audit search` the name `geovagt-audit-search`.
    command.build();
    let mut pages = Vec::new();
    add_pages(command, &mut pages)?;
    Ok(pages)
}

fn add_pages(command: clap::Command, pages: &mut Vec<(String, Vec<u8>)>) -> anyhow::Result<()> {
    let commands: Vec<clap::Command> = command.get_subcommands().cloned().collect();
    let is_first = pages.is_empty();
    // Without a date a package built again is the same package.
    let man = Man::new(command).manual("geovagt").date("");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if !commands.is_empty() {
        man.render_subcommands_section(&mut page)?;
    }
    if is_first {
        ending().to_writer(&mut page)?;
    }
    pages.push((man.get_filename(), page));
    for command in commands {
        add_pages(command, pages)?;
    }
    Ok(())
}

/// What every command has in common.
fn ending() -> Roff {
    let mut roff = Roff::new();
    let sections: [(&str, &[(&str, &str)]); 2] = [
        (
            "EXIT STATUS",
            &[
                ("0", "Done and well."),
                ("1", "The answer is no, or something failed; standard error says what."),
                ("2", "The command line cannot be understood."),
            ],
        ),
        (
            "FILES",
            &[
                ("/etc/geovagt/gateway.yaml", "The configuration."),
                ("/var/lib/geovagt", "Accounts and exemptions, the log, the last good database."),
                ("/usr/share/doc/geovagt", "Every key with its default, and ready-made set-ups."),
            ],
        ),
    ];
    for (title, lines) in sections {
        roff.control("SH", [title]);
        for (name, text) in lines {
            roff.control("TP", []);
            roff.text([roman(*name)]);
            roff.text([roman(*text)]);
        }
    }
    roff
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Commands and their commands: `["audit", "verify"]`.
    fn commands() -> Vec<Vec<String>> {
        fn walk(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
            for inner in command.get_subcommands() {
                let path: Vec<String> =
                    path.iter().cloned().chain([inner.get_name().to_owned()]).collect();
                walk(inner, &path, found);
                found.push(path);
            }
        }
        let mut found = Vec::new();
        walk(&super::super::Arguments::command(), &[], &mut found);
        assert!(found.contains(&vec!["audit".to_owned(), "verify".to_owned()]));
        found
    }

    fn text(shell: Shell) -> String {
        String::from_utf8(script(shell)).unwrap()
    }

    #[test]
    fn every_command_is_completed_in_each_shell() {
        for path in commands() {
            let words = path.join(" ");
            // A hyphen cannot stand in the name of a function of bash.
            let bash = path.join("__subcmd__").replace('-', "__subcmd__");
            let bash = format!("geovagt__subcmd__{bash}");
            let fish =
                path.iter().fold("__fish_geovagt_".to_owned(), |_, word| format!("-a \"{word}\""));
            let zsh = format!("_geovagt__subcmd__{}_commands", path.join("__subcmd__"));
            assert!(text(Shell::Bash).contains(&bash), "{words}: {bash}");
            assert!(text(Shell::Fish).contains(&fish), "{words}: {fish}");
            assert!(text(Shell::Zsh).contains(&zsh), "{words}: {zsh}");
        }
    }

    #[test]
    fn bash_can_read_its_completions() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("geovagt.bash");
        std::fs::write(&file, script(Shell::Bash)).unwrap();
        let output = Command::new("bash").arg("-n").arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn every_command_has_a_page_that_the_page_above_it_names() {
        let pages = pages().unwrap();
        let page = |path: &[String]| {
            let name = format!(
                "geovagt{}",
                path.iter().map(|word| format!("-{word}")).collect::<String>()
            );
            let found = pages.iter().find(|(file, _)| *file == format!("{name}.1"));
            let (_, page) = found.unwrap_or_else(|| panic!("no page {name}"));
            String::from_utf8(page.clone()).unwrap()
        };
        for path in commands() {
            let above = page(&path[..path.len() - 1]).replace("\\-", "-");
            let name = format!("geovagt-{}(1)", path.join("-"));
            assert!(above.contains(&name), "{name} is not in {above}");
            let own = page(&path);
            assert!(own.contains(".SH NAME") && own.contains(".SH SYNOPSIS"), "{own}");
            assert!(
                own.replace("\\-", "-").contains(&format!("geovagt {}", path.join(" "))),
                "{own}"
            );
        }
        assert_eq!(pages.len(), commands().len() + 1, "no page but these");
    }

    #[test]
    fn the_first_page_says_files_and_exit_codes() {
        let (name, page) = pages().unwrap().swap_remove(0);
        assert_eq!(name, "geovagt.1");
        let page = String::from_utf8(page).unwrap();
        for part in [".SH \"EXIT STATUS\"", "/etc/geovagt/gateway.yaml", "\\-\\-config"] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }
}
