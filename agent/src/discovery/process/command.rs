//! What a command line says about the program that really runs: an interpreter's own name would
//! make all scripts of a host one service.
//!
//! A script is named by its file without extension, or by its directory where the file's name says
//! nothing (`main.py`, `index.js`, `__main__.py`, `server.js`); a Python module by its dotted name;
//! a Java program by its archive or main class. An installed entry point such as
//! `/usr/local/bin/uvicorn` is a script like any other, so it names the service `uvicorn`: which
//! application it serves stands in arguments that differ for each such tool.

/// A runtime, and the options of its command line that swallow the next argument.
struct Interpreter {
    /// The executable's name begins with it; a version may follow (`python3.12`).
    name: &'static str,
    /// `process.runtime.name`.
    runtime: &'static str,
    /// Options whose value is the next argument.
    with_value: &'static [&'static str],
    /// Options that name the program in the next argument: a module or an archive.
    program: &'static [&'static str],
    /// Options behind which there is program text and so no name.
    inline: &'static [&'static str],
    /// First words that are commands of the runtime and come before the script.
    commands: &'static [&'static str],
}

const fn plain(name: &'static str, runtime: &'static str, inline: &'static [&'static str]) -> Interpreter {
    Interpreter { name, runtime, with_value: &[], program: &[], inline, commands: &[] }
}

#[rustfmt::skip]
static INTERPRETERS: &[Interpreter] = &[
    Interpreter {
        with_value: &["-W", "-X", "--check-hash-based-pycs"], program: &["-m"],
        ..plain("python", "cpython", &["-c"])
    },
    Interpreter {
        with_value: &["-W", "-X"], program: &["-m"],
        ..plain("pypy", "pypy", &["-c"])
    },
    Interpreter {
        with_value: &["-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file"],
        ..plain("node", "nodejs", &["-e", "--eval", "-p", "--print", "-pe"])
    },
    Interpreter {
        with_value: &["-r", "--preload", "--cwd", "--env-file", "-c", "--config"], commands: &["run"],
        ..plain("bun", "bun", &["-e", "--eval"])
    },
    Interpreter {
        with_value: &["-c", "--config", "--cert", "--import-map", "--location", "--seed"],
        commands: &["run", "serve"],
        ..plain("deno", "deno", &["eval"])
    },
    Interpreter { with_value: &["-I", "-r", "-C"], ..plain("ruby", "ruby", &["-e"]) },
    Interpreter { with_value: &["-I"], ..plain("perl", "perl", &["-e", "-E"]) },
    Interpreter { with_value: &["-c", "-d"], program: &["-f"], ..plain("php", "php", &["-r"]) },
    Interpreter {
        with_value: &["-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules", "--add-opens", "--add-exports"],
        program: &["-jar", "-m", "--module"],
        ..plain("java", "java", &[])
    },
    Interpreter { program: &["exec"], ..plain("dotnet", "dotnet", &[]) },
    Interpreter { with_value: &["-o", "-O", "--rcfile", "--init-file"], ..plain("bash", "bash", &["-c"]) },
    Interpreter { with_value: &["-o"], ..plain("dash", "sh", &["-c"]) },
    Interpreter { with_value: &["-o"], ..plain("sh", "sh", &["-c"]) },
];

/// File names that say what a script is for its project, not which project it is.
static GENERIC: &[&str] =
    &["__main__", "main", "index", "app", "server", "run", "start", "manage", "wsgi", "asgi", "cli"];

/// Directories that do not name a project either.
static GENERIC_DIRECTORIES: &[&str] = &[
    "src", "bin", "lib", "dist", "build", "app", "code", "opt", "usr", "home", "root", "srv", "tmp", "local",
    ".", "..",
];

/// Extensions of scripts and archives; another dot belongs to the name.
static EXTENSIONS: &[&str] = &[
    "py", "pyc", "pyz", "js", "mjs", "cjs", "ts", "mts", "tsx", "rb", "pl", "php", "jar", "war", "dll", "sh",
    "bash",
];

/// What runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Program {
    /// The script, module or archive; `None` without an interpreter, or with program text inline.
    pub(super) name: Option<String>,
    /// A known interpreter, without its version.
    pub(super) interpreter: Option<&'static str>,
    /// `process.runtime.name` of it.
    pub(super) runtime: Option<&'static str>,
}

/// Reads a command line. `executable` is the name of the file that runs, which arguments cannot
/// feign; where it is not known, the first argument stands in.
pub(super) fn program(executable: Option<&str>, arguments: &[String]) -> Program {
    let called = arguments.first().map_or("", |called| file_name(called));
    let executable = executable.unwrap_or(called);
    let Some(interpreter) = INTERPRETERS.iter().find(|known| known.is(executable)) else {
        return Program::default();
    };
    let name = interpreter.script(arguments.get(1..).unwrap_or_default());
    Program { name, interpreter: Some(interpreter.name), runtime: Some(interpreter.runtime) }
}

impl Interpreter {
    /// Whether a file of this name is the interpreter: its name, perhaps with a version.
    fn is(&self, executable: &str) -> bool {
        executable
            .strip_prefix(self.name)
            .is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte)))
    }

    fn script(&self, arguments: &[String]) -> Option<String> {
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            if self.inline.contains(&argument) {
                return None;
            }
            if self.program.contains(&argument) {
                return arguments.next().and_then(program_name);
            }
            if self.with_value.contains(&argument) {
                arguments.next();
            } else if argument == "--" {
                return arguments.next().and_then(program_name);
            } else if argument == "-" {
                return None;
            } else if !argument.starts_with(['-', '+']) && !self.commands.contains(&argument) {
                return program_name(argument);
            }
        }
        None
    }
}

/// The name of a script, module, archive or class.
fn program_name(argument: &str) -> Option<String> {
    let file = file_name(argument);
    let stem = match file.rsplit_once('.') {
        Some((stem, extension)) if EXTENSIONS.contains(&extension) => stem,
        _ => file,
    };
    let directory = argument
        .rsplit('/')
        .skip(1)
        .find(|directory| !directory.is_empty() && !GENERIC_DIRECTORIES.contains(directory));
    let name = match directory {
        Some(directory) if GENERIC.contains(&stem) => directory,
        _ => stem,
    };
    (!name.is_empty()).then(|| name.to_owned())
}

/// The last segment of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn names_what_really_runs() {
        for (executable, line, name, runtime) in [
            ("python3.12", "python foo.py", Some("foo"), Some("cpython")),
            (
                "python3",
                "python3 -u -W ignore -X dev /srv/bot/foo.py --model x",
                Some("foo"),
                Some("cpython"),
            ),
            ("python3", "python3 /srv/shop/main.py", Some("shop"), Some("cpython")),
            ("python3", "python3 /srv/shop/src/main.py", Some("shop"), Some("cpython")),
            ("python3", "python3 main.py", Some("main"), Some("cpython")),
            ("python3", "python3 /app/main.py", Some("main"), Some("cpython")),
            ("python3", "python3 -m pkg.mod --x", Some("pkg.mod"), Some("cpython")),
            ("python3", "python3 -c import-os", None, Some("cpython")),
            ("python3", "python3 - x", None, Some("cpython")),
            ("python3", "python3", None, Some("cpython")),
            ("python3", "/usr/bin/python3 /usr/local/bin/uvicorn main:app", Some("uvicorn"), Some("cpython")),
            ("python3", "gunicorn: master", None, Some("cpython")),
            ("pythonista", "pythonista foo.py", None, None),
            ("node", "node --inspect -r dotenv/config app.js", Some("app"), Some("nodejs")),
            ("node", "node /srv/web/dist/index.js", Some("web"), Some("nodejs")),
            ("node", "node -e code x.js", None, Some("nodejs")),
            ("bun", "bun run agent.ts", Some("agent"), Some("bun")),
            ("deno", "deno run -A --config c.json tool.ts", Some("tool"), Some("deno")),
            ("ruby3.1", "ruby -I lib worker.rb", Some("worker"), Some("ruby")),
            ("perl", "perl -w job.pl", Some("job"), Some("perl")),
            ("bash", "bash -x ./deploy.sh prod", Some("deploy"), Some("bash")),
            ("bash", "bash -c curl", None, Some("bash")),
            ("dash", "sh -o errexit step.sh", Some("step"), Some("sh")),
            ("java", "java -Xmx1g -cp a.jar:b.jar -jar /opt/shop-1.2.jar", Some("shop-1.2"), Some("java")),
            ("java", "java -cp a.jar com.acme.Main args", Some("com.acme.Main"), Some("java")),
            ("dotnet", "dotnet Shop.Api.dll", Some("Shop.Api"), Some("dotnet")),
            ("nginx", "nginx: worker process", None, None),
            ("curl", "curl https://api.openai.com", None, None),
            ("python3", "", None, Some("cpython")),
        ] {
            let arguments: Vec<_> =
                line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
            // A title that a program wrote over its arguments is one argument.
            let arguments = if line.contains(": ") { vec![line.to_owned()] } else { arguments };
            let found = program(Some(executable), &arguments);
            assert_eq!((found.name.as_deref(), found.runtime), (name, runtime), "{line}");
        }
    }

    #[test]
    fn without_an_executable_the_first_argument_stands_in() {
        let arguments = ["/usr/bin/python3", "foo.py"].map(str::to_owned);
        assert_eq!(program(None, &arguments).name.as_deref(), Some("foo"));
    }
}
