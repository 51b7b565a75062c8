//! Owns which lines of a log are shown when something fails: those of the step that failed, and the error.
//! Leaves the log whole on the disk, where other stages' lines stand between them.

/// How many lines of a failed build's log are shown.
const LAST_LINES: usize = 20;

/// The last lines of a log.
pub(super) fn last(log: &[u8]) -> String {
    let text = String::from_utf8_lossy(log);
    let lines: Vec<&str> = text.lines().collect();
    end(&lines).join("\n")
}

/// The last lines of that step of a build, then what the engine said of the build; of any step where none is named.
pub(super) fn of_step(log: &[u8], step: Option<&str>) -> String {
    let text = String::from_utf8_lossy(log);
    let own: Vec<&str> = text.lines().filter(|line| step.is_some_and(|step| belongs(line, step))).collect();
    if own.is_empty() {
        return last(log);
    }
    let error = text.lines().filter(|line| line.starts_with("ERROR: "));
    end(&own).iter().copied().chain(error).collect::<Vec<_>>().join("\n")
}

fn end<'a, 'b>(lines: &'b [&'a str]) -> &'b [&'a str] {
    &lines[lines.len().saturating_sub(LAST_LINES)..]
}

/// Whether a line of the log, which begins with the step's name in full, is of the step of that short name.
fn belongs(line: &str, step: &str) -> bool {
    let rest = match numbered(line) {
        Some((stage, name)) => step.strip_prefix(stage.as_str()).and_then(|step| name.strip_prefix(step)),
        None => line.strip_prefix(step),
    };
    rest.is_some_and(|rest| rest.starts_with(" | ") || rest.starts_with(" ERROR ") || rest == " |")
}

/// `[builder 2/5] COPY . . | text` → `builder 2 ` and `COPY . . | text`, as failures name their step.
fn numbered(line: &str) -> Option<(String, &str)> {
    let (head, name) = line.strip_prefix('[')?.split_once("] ")?;
    let (number, _) = head.rsplit_once('/')?;
    let words: Vec<&str> = number.split(' ').collect();
    // A platform may stand before the stage.
    Some((format!("{} ", words[words.len().saturating_sub(2)..].join(" ")), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_failed_step_are_shown_though_another_stage_writes_between() {
        let mut log = String::new();
        for at in 1..=30 {
            log.push_str(&format!("[builder 2/3] RUN make | own {at}\n"));
            log.push_str(&format!(
                "[assets 2/3] RUN make | other {at}\n[builder 2/3] RUN make all | no {at}\n"
            ));
        }
        log.push_str("[builder 2/3] RUN make ERROR exit code: 2\n");
        (1..=30).for_each(|at| log.push_str(&format!("[linux/amd64 assets 2/3] RUN make | late {at}\n")));
        log.push_str("ERROR: failed to solve\n");
        let shown = of_step(log.as_bytes(), Some("builder 2 RUN make"));
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 21, "{shown}");
        assert_eq!(lines[0], "[builder 2/3] RUN make | own 12");
        assert_eq!(lines[19..], ["[builder 2/3] RUN make ERROR exit code: 2", "ERROR: failed to solve"]);
        let other = of_step(log.as_bytes(), Some("assets 2 RUN make"));
        assert!(other.starts_with("[linux/amd64 assets 2/3] RUN make | late 11\n"), "{other}");
    }

    #[test]
    fn a_stage_without_a_name_and_an_unknown_step_show_their_lines() {
        let log = b"[1/2] RUN make | no rule\n[2/2] RUN test | fine\nERROR: exit code: 2\n";
        assert_eq!(of_step(log, Some("1 RUN make")), "[1/2] RUN make | no rule\nERROR: exit code: 2");
        assert_eq!(of_step(log, Some("9 RUN other")).lines().count(), 3);
        assert_eq!(of_step(log, None).lines().count(), 3);
    }
}
