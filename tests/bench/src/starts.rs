//! `bench starts`: what a build is slowed by, and new programs beside it. `cargo xtask soak starts` counts those
//! of a quiet host.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::LONG_DEADLINE;
use spanwire_e2e::agent::{Agent, USUAL};
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::Protocol;
use spanwire_e2e::scene::Scene;
use spanwire_e2e::starts::{Original, seen, start_copies};
use tokio::process::{Child, Command};

use crate::bench::Bench;
use crate::stats::{Bound, Samples, Table};
use crate::usage::usage;

/// Programs that a build starts a second, where it is not as fast as it can be.
const RATE: u64 = 500;
/// Programs of one measurement of a build at full speed, and files of one that compiles.
const PROGRAMS: usize = 3000;
const FILES: usize = 60;
/// New programs that make a call during a build.
const MEANWHILE: usize = 20;

/// Measures; prints tables.
pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Bound>> {
    build(bench).await?;
    Ok(vec![during_a_build().await?])
}

/// What a build is slowed by, and what the agent uses meanwhile.
async fn build(bench: &Bench) -> Result<()> {
    let folder = Folder::new()?;
    std::fs::write(folder.path().join("one.c"), "int main(void) { return 0; }\n")?;
    let cases = [
        ("/bin/true, as fast as can be", PROGRAMS, format!("for i in $(seq {PROGRAMS}); do /bin/true; done")),
        (
            "cc -c of a file of one line",
            FILES,
            format!("for i in $(seq {FILES}); do cc -c -o one.o one.c; done"),
        ),
    ];
    let mut table = Table::new(["build", "programs/s without", "with spanwire, %", "agent's CPU, %"]);
    for (name, count, script) in cases {
        let (mut without, mut with, mut cpu) = (Samples::default(), Samples::default(), Samples::default());
        let run = async || -> Result<f64> {
            let begin = Instant::now();
            let mut command = Command::new("/bin/sh");
            command.args(["-c", &script]).current_dir(folder.path()).kill_on_drop(true);
            let status = tokio::time::timeout(LONG_DEADLINE, command.status()).await.context("no end")??;
            ensure!(status.success(), "`{script}` failed");
            Ok(begin.elapsed().as_secs_f64())
        };
        for _ in 0..bench.rounds {
            without.add(count as f64 / run().await?);
            let agent = Agent::showing(&bench.setup, &USUAL).await?;
            let pid = agent.pid().context("the agent ended")?;
            let before = usage(pid)?;
            let seconds = run().await?;
            with.add(count as f64 / seconds);
            cpu.add(100.0 * usage(pid)?.since(&before).cpu / seconds);
            agent.stop().await?;
        }
        let share = with.over(&without).times(100.0);
        table.row([name.to_owned(), without.shown(0), share.shown(1), cpu.shown(1)]);
    }
    table.print("A build beside the agent");
    Ok(())
}

/// A build that starts so many programs a second, and new programs that make calls meanwhile.
async fn during_a_build() -> Result<Bound> {
    let scene = Scene::open(Protocol::Http, false, &USUAL).await?;
    let pid = scene.agent.pid().context("the agent ended")?;
    let build = steady()?;
    let (before, begin) = (usage(pid)?, Instant::now());
    let calls = start_copies(&scene, &Original::OneSecond, MEANWHILE, 2).await?;
    let (used, lasted) = (usage(pid)?.since(&before), begin.elapsed());
    drop(build);
    let seen = seen(scene, &calls).await?;
    println!(
        "\nDuring a build of {RATE} programs a second the agent used {:.1} % of a processor; {seen} of {MEANWHILE} \
         new programs that called over TLS were seen.",
        100.0 * used.cpu / lasted.as_secs_f64()
    );
    let share = 100.0 * seen as f64 / MEANWHILE as f64;
    Ok(Bound::at_least("new programs seen during a build", share, 99.0, " %"))
}

/// Starts programs at a steady rate until it is dropped.
fn steady() -> Result<Child> {
    const EACH: u64 = 10;
    let pause = Duration::from_millis(1000 * EACH / RATE).as_secs_f64();
    // A shell and nine more. Where they take longer than their share of the second, it goes on at once.
    let script = format!(
        "import subprocess, time\nnext = time.monotonic()\nwhile True:\n    next += {pause}\n    \
         subprocess.run(['/bin/sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9; do /bin/true; done'])\n    \
         time.sleep(max(0, next - time.monotonic()))\n"
    );
    let mut command = Command::new("python3");
    command.args(["-c", &script]).stdin(Stdio::null()).kill_on_drop(true);
    command.spawn().context("no python3")
}
