//! Parts of values by which a person who knows them can tell them again.

use crate::{Class, hidden};

/// What is shown of a value. A mask is the mask of itself; it has letters, digits and `*@.: ` alone.
pub(super) fn mask(class: Class, value: &str) -> String {
    let value = hidden::folded(value.trim());
    let tail = |count: usize| {
        let mut tail: Vec<char> =
            value.chars().rev().filter(char::is_ascii_alphanumeric).take(count).collect();
        tail.reverse();
        String::from_iter(tail)
    };
    match class {
        Class::Email => email(&value),
        // What receipts may show of a card.
        Class::Card => format!("**** **** **** {}", tail(4)),
        Class::Iban => {
            match value.get(..2).filter(|land| land.bytes().all(|byte| byte.is_ascii_alphabetic())) {
                Some(land) if tail(6).len() == 6 => format!("{land}** **** **** {}", tail(4)),
                _ => "***".to_owned(),
            }
        }
        Class::Phone | Class::NationalId => format!("***{}", tail(2)),
        Class::Ip => ip(&value),
        Class::Mac => {
            let digits: Vec<char> = value.chars().filter(char::is_ascii_hexdigit).take(6).collect();
            let vendor: Vec<String> = digits.chunks(2).map(String::from_iter).collect();
            format!("{}:**:**:**", vendor.join(":"))
        }
        Class::Credential | Class::Rule(_) => "***".to_owned(),
    }
}

fn email(value: &str) -> String {
    let first = |text: &str| text.chars().next().filter(|char| char.is_alphanumeric()).unwrap_or('*');
    let Some((user, domain)) = value.rsplit_once('@') else { return "***".to_owned() };
    let top =
        domain.rsplit_once('.').map(|(_, top)| top).filter(|top| top.chars().all(char::is_alphanumeric));
    format!("{}***@{}***.{}", first(user), first(domain), top.unwrap_or("***"))
}

fn ip(value: &str) -> String {
    let part = |text: Option<&str>| {
        text.filter(|part| part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .unwrap_or_default()
            .to_owned()
    };
    if let Some((first, _)) = value.split_once(':') {
        // Two colons would make another address of it.
        return format!("{}:***", part(Some(first)));
    }
    let mut parts = value.split('.');
    format!("{}.{}.*.*", part(parts.next()), part(parts.next()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_part_is_shown() {
        for (class, value, expected) in [
            (Class::Email, "jane.doe@example.com", "j***@e***.com"),
            (Class::Email, "\"j\\\"\"@例え.jp", "****@例***.jp"),
            (Class::Email, "jane at example", "***"),
            (Class::Card, "4111-1111-1111-1234", "**** **** **** 1234"),
            (Class::Iban, "DE89 3704 0044 0532 0130 00", "DE** **** **** 3000"),
            (Class::Phone, "+49 30 123456", "***56"),
            (Class::NationalId, "078-05-1120", "***20"),
            (Class::Ip, "203.0.113.7", "203.0.*.*"),
            (Class::Ip, "2001:db8::1", "2001:***"),
            (Class::Ip, "fe80::1%eth0", "fe80:***"),
            (Class::Mac, "aa-bb-cc-dd-ee-ff", "aa:bb:cc:**:**:**"),
            (Class::Rule(0), "Bluebird", "***"),
        ] {
            assert_eq!(mask(class, value), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_mask_is_its_own_mask_and_plain(value in r"[-a-f0-9@.:*\x22\\é ]{0,40}", class in 0_usize..8) {
            let Some(class) = Class::BUILT_IN.get(class).copied() else { return Ok(()) };
            let masked = mask(class, &value);
            prop_assert_eq!(&mask(class, &masked), &masked);
            prop_assert!(masked.chars().all(|char| char.is_alphanumeric() || "*@.: ".contains(char)));
        }
    }
}
