//! The machine stops at each single change of the disk in turn.

use super::model::{Op, World};

/// Reaches every kind of change: first files, segments that fill up, slots in turn, removals, drops, a restart.
fn script() -> Vec<Op> {
    let mut script = Vec::new();
    for round in 0..6 {
        for length in [40, 1500, 2900, 0, 700] {
            script.push(Op::Push(length, 2));
            if length != 1500 {
                script.push(Op::Sync);
            }
        }
        for which in 0..round {
            script.extend([Op::Next, Op::Next, Op::Acknowledge(which)]);
        }
        script.push(Op::Sync);
        if round == 3 {
            script.push(Op::Reopen);
        }
    }
    script
}

#[test]
fn a_crash_at_any_change_loses_nothing_that_was_synced() {
    let mut whole = World::new(1);
    script().iter().for_each(|op| whole.run(op));
    let operations = whole.disk.operations();
    assert!(operations > 100, "{operations}");
    whole.finish();
    for stop_at in 0..operations {
        for (seed, keep_percent) in [(1, 0), (2, 100), (3, 50), (4, 50), (5, 80), (6, 20)] {
            let mut world = World::new(seed);
            world.disk.stop_at(stop_at);
            for op in &script() {
                // A process that starts on a machine that stopped is not what this is about.
                if world.disk.is_down() {
                    break;
                }
                world.run(op);
            }
            assert!(world.disk.is_down());
            world.run(&Op::Crash(keep_percent));
            world.finish();
        }
    }
}
