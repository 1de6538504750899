//! The operator's rules in the kernel: who is out of scope there never reaches the agent.

use std::sync::Arc;

use aya::Ebpf;
use aya::maps::{HashMap, MapData, MapError};
use spanwire_abi::scope;

use super::LoadError;
use super::control::take_map;
use crate::attach::Membership;
use crate::discovery::admission;
use crate::discovery::scope::KernelRules;

/// What of the rules is fixed when the object is loaded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Globals {
    pub(super) has_rules: u8,
    pub(super) is_closed: u8,
    pub(super) levels: u32,
    /// Room for members of trees.
    pub(super) members: u32,
}

impl Globals {
    pub(super) fn of(rules: &KernelRules) -> Self {
        Self {
            has_rules: u8::from(!rules.is_empty()),
            is_closed: u8::from(rules.is_closed),
            levels: rules.levels,
            members: if rules.trees.is_empty() { 1 } else { scope::MEMBERS },
        }
    }
}

/// Members of process trees.
pub struct Trees(HashMap<MapData, u32, u32>);

impl Trees {
    /// Writes the rules about users and cgroups.
    pub(super) fn with(ebpf: &mut Ebpf, rules: &KernelRules) -> Result<Self, LoadError> {
        // Not taken: programs that are loaded later need them.
        let missing = LoadError::Missing;
        let users = ebpf.map_mut("USERS").ok_or(missing("USERS"))?;
        let mut users = HashMap::<_, u32, u32>::try_from(users)?;
        for (user, bits) in &rules.users {
            users.insert(user, bits, 0)?;
        }
        let cgroups = ebpf.map_mut("CGROUPS").ok_or(missing("CGROUPS"))?;
        let mut cgroups = HashMap::<_, u64, u32>::try_from(cgroups)?;
        for (id, bits) in &rules.cgroups {
            cgroups.insert(id, bits, 0)?;
        }
        Ok(Self(HashMap::try_from(take_map(ebpf, "TREES")?)?))
    }

    /// Makes a process a member: what it forks from now on is one, too.
    ///
    /// # Errors
    /// When the table is full.
    pub fn add(&mut self, pid: u32, bits: u32) -> Result<(), MapError> {
        let bits = bits | self.0.get(&pid, 0).unwrap_or(0);
        self.0.insert(pid, bits, 0)
    }

    /// Says of processes which trees hold them now.
    #[must_use]
    pub fn into_lookup(self) -> admission::Trees {
        Arc::new(move |pid| {
            let bits = self.0.get(&pid, 0).unwrap_or(0);
            Membership { included: bits & scope::INCLUDED != 0, excluded: bits & scope::EXCLUDED != 0 }
        })
    }
}
