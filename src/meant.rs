//! Owns what a name that nothing has may be meant for.
//! Leaves what the names are to whoever knows them.

/// Below this likeness a name is no slip of the fingers.
const ALIKE: f64 = 0.85;

/// `did you mean …? ` for a name that is nearly one of those known.
pub(crate) fn meant(unknown: &str, known: &[&str]) -> String {
    let likeness = |name: &&str| strsim::jaro(unknown, name);
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    best.filter(|name| likeness(name) > ALIKE)
        .map_or(String::new(), |name| format!("did you mean `{name}`? "))
}

/// The same for a key, by the words of the reader: ``unknown field `a`, expected one of `b`, `c` ``.
pub(crate) fn meant_key(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names.next().filter(|_| message.starts_with("unknown field"));
    unknown.map_or(String::new(), |unknown| meant(unknown, &names.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_that_is_nearly_known_is_asked_about() {
        let said = |key: &str| meant_key(&format!("unknown field `{key}`, expected `rounds` or `seed`"));
        assert_eq!(said("round"), "did you mean `rounds`? ");
        assert_eq!(said("colour"), "");
        assert_eq!(meant_key("missing field `round`, of `rounds`"), "");
    }
}
