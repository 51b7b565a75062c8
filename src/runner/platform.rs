//! Platforms: how they are written, and whether an engine has to emulate one.

use crate::meant::meant;

/// The systems that images are made for.
const SYSTEMS: [&str; 5] = ["linux", "windows", "freebsd", "darwin", "wasi"];
/// The architectures that images are made for, by their usual names.
const ARCHITECTURES: [&str; 14] = [
    "amd64", "arm64", "arm", "386", "ppc64le", "ppc64", "riscv64", "s390x", "loong64", "mips64le", "mips64",
    "mipsle", "mips", "wasm",
];

/// A platform as engines write it, `os/architecture[/variant]`, the architecture by its usual name.
///
/// # Errors
/// What is wrong with the text.
pub fn normal(text: &str) -> Result<String, String> {
    let lower = text.trim().to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('/').collect();
    let word = |part: &&str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(word) {
        return Err("it is not OS/ARCHITECTURE[/VARIANT], such as linux/arm64".to_owned());
    }
    let known = |what: &str, name: &str, known: &[&str]| match known.contains(&name) {
        true => Ok(()),
        false => Err(format!(
            "`{name}` is no {what} that images are made for; {}known are {}",
            meant(name, known),
            known.join(", ")
        )),
    };
    let (architecture, variant) = match (parts[1], parts.get(2).copied()) {
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("i386" | "i686", variant) => ("386", variant),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf" | "armv7l", None) => ("arm", Some("v7")),
        (architecture, variant) => (architecture, variant),
    };
    known("system", parts[0], &SYSTEMS)?;
    known("architecture", architecture, &ARCHITECTURES)?;
    // These are what is meant where no variant is named.
    let variant =
        variant.filter(|variant| !matches!((architecture, *variant), ("arm64", "v8") | ("amd64", "v1")));
    let parts = [Some(parts[0]), Some(architecture), variant];
    Ok(parts.into_iter().flatten().collect::<Vec<_>>().join("/"))
}

/// Whether two texts name one platform.
pub(super) fn same_platform(one: &str, other: &str) -> bool {
    match (normal(one), normal(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// A warning if an engine of one platform has to emulate another.
pub fn emulated(wanted: &str, engine: &str) -> Option<String> {
    let own = normal(engine).unwrap_or_else(|_| engine.to_owned());
    (!same_platform(wanted, engine)).then(|| {
        format!(
            "the images are for {wanted} and the engine runs on {own}: what their steps run is emulated, if the engine can \
             do that at all, and no time is that of a native build"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_one_name_each() {
        for (given, name) in [
            ("linux/amd64", "linux/amd64"),
            ("Linux/x86_64", "linux/amd64"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("linux/armv7l", "linux/arm/v7"),
        ] {
            assert_eq!(normal(given).as_deref(), Ok(name), "{given}");
        }
        for bad in ["", "linux", "linux/", "linux/a b", "a/b/c/d"] {
            assert_eq!(
                normal(bad).unwrap_err(),
                "it is not OS/ARCHITECTURE[/VARIANT], such as linux/arm64",
                "{bad}"
            );
        }
    }

    #[test]
    fn a_system_or_architecture_of_no_image_is_refused_with_what_there_is() {
        let said = normal("linux/foo").unwrap_err();
        assert!(
            said.starts_with("`foo` is no architecture that images are made for; known are amd64, "),
            "{said}"
        );
        let said = normal("linux/amd46").unwrap_err();
        assert!(said.contains("; did you mean `amd64`? known are "), "{said}");
        let said = normal("linx/amd64").unwrap_err();
        assert!(
            said.starts_with("`linx` is no system that images are made for; did you mean `linux`? "),
            "{said}"
        );
        assert!(emulated("linux/amd64", "linux/unheard-of").unwrap().contains("runs on linux/unheard-of: "));
    }

    #[test]
    fn only_another_platform_is_emulated() {
        assert_eq!(emulated("linux/amd64", "linux/x86_64"), None);
        let said = emulated("linux/arm64", "linux/x86_64").unwrap();
        assert!(
            said.starts_with("the images are for linux/arm64 and the engine runs on linux/amd64: "),
            "{said}"
        );
    }
}
