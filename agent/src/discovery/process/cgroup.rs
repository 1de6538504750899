//! What a process's control groups (cgroups(7), `/proc/PID/cgroup`) say about who started it.

/// The systemd unit and the container that a process runs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Membership {
    /// A service, without `.service`; for a template's instance with it: `worker@3`.
    pub(super) unit: Option<String>,
    /// 64 hexadecimal digits.
    pub(super) container_id: Option<String>,
}

/// The container that a process runs in, by its `/proc/PID/cgroup`.
#[must_use]
pub fn container_of(file: &str) -> Option<String> {
    parse(file).container_id
}

/// Reads the file: lines of `hierarchy:controllers:path`.
pub(super) fn parse(file: &str) -> Membership {
    let mut found = Membership::default();
    for line in file.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(hierarchy), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        // systemd owns the unified hierarchy (v2) or the one that carries its name (v1).
        if found.unit.is_none() && (hierarchy == "0" || controllers == "name=systemd") {
            found.unit = unit(path);
        }
        // Container managers use all hierarchies alike.
        found.container_id = found.container_id.or_else(|| container_id(path));
    }
    // Round a container stands its runtime's service, which says nothing about what runs inside.
    if found.container_id.is_some() {
        found.unit = None;
    }
    found
}

/// The innermost service of a path. A service of a user's own manager counts, that manager itself
/// does not.
fn unit(path: &str) -> Option<String> {
    let mut services = path.rsplit('/').filter_map(|segment| segment.strip_suffix(".service"));
    let name = unescape(services.next()?);
    (!name.starts_with("user@") && !name.is_empty()).then_some(name)
}

/// Undoes systemd's `\xNN` (systemd-escape(1)); a cgroup may also carry a protective `_` in front.
fn unescape(name: &str) -> String {
    let name = name.strip_prefix('_').unwrap_or(name);
    let mut pieces = name.split("\\x");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
        match (code, piece.get(2..)) {
            (Some(code), Some(rest)) => {
                plain.push(char::from(code));
                plain.push_str(rest);
            }
            _ => {
                plain.push_str("\\x");
                plain.push_str(piece);
            }
        }
    }
    plain
}

/// The container of a path: `docker/ID`, `docker-ID.scope`, `cri-containerd-ID.scope`,
/// `crio-ID.scope`, `libpod-ID.scope`, `kubepods/…/ID`. Podman's and CRI-O's `conmon` scopes hold the
/// monitor, not the container.
fn container_id(path: &str) -> Option<String> {
    path.rsplit('/').find_map(|segment| {
        let name = segment.strip_suffix(".scope").unwrap_or(segment);
        // containerd under cgroupfs writes `kubepods-…:cri-containerd:ID`.
        let (owner, id) = name.rsplit_once([':', '-']).unwrap_or(("", name));
        let hexadecimal = id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        (id.len() == 64 && hexadecimal && !owner.ends_with("conmon")).then(|| id.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::{Membership, parse};

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn reads_what_systemd_and_container_managers_write() {
        for (file, unit, contained) in [
            ("0::/system.slice/shop.service\n", Some("shop"), false),
            ("0::/system.slice/system-worker.slice/worker@3.service", Some("worker@3"), false),
            ("0::/system.slice/my\\x2dshop.service/sub", Some("my-shop"), false),
            ("0::/system.slice/odd\\xzz.service", Some("odd\\xzz"), false),
            ("4:memory:/x.service\n1:name=systemd:/system.slice/shop.service\n", Some("shop"), false),
            ("4:memory:/system.slice/shop.service", None, false),
            ("0::/user.slice/user-1000.slice/session-2.scope", None, false),
            ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/bot.service", Some("bot"), false),
            ("0::/user.slice/user-1000.slice/user@1000.service/init.scope", None, false),
            ("0::/init.scope", None, false),
            ("0::/", None, false),
            ("0::/system.slice/docker-ID.scope", None, true),
            ("9:name=systemd:/docker/ID\n0::/system.slice/containerd.service", None, true),
            (
                "0::/system.slice/containerd.service/kubepods-burstable-pod1.slice:cri-containerd:ID",
                None,
                true,
            ),
            ("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-ID.scope", None, true),
            ("0::/kubepods/besteffort/pod1/ID", None, true),
            ("0::/kubepods.slice/crio-ID.scope/container", None, true),
            ("0::/machine.slice/libpod-ID.scope/container", None, true),
            ("0::/machine.slice/libpod-conmon-ID.scope", None, false),
            ("0::/docker/0123456789ABCDEF", None, false),
            ("", None, false),
            ("nonsense\n1:2", None, false),
        ] {
            let expected = Membership {
                unit: unit.map(ToOwned::to_owned),
                container_id: contained.then(|| ID.to_owned()),
            };
            assert_eq!(parse(&file.replace("ID", ID)), expected, "{file}");
        }
    }
}
