//! Whether the arguments of a call, as they come, are a complete JSON object.

/// Arguments read so far: how deep they stand, and whether inside a string.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Arguments {
    depth: u32,
    begun: bool,
    text: bool,
    escaped: bool,
}

impl Arguments {
    /// Reads on; `piece` is a piece of them.
    pub(crate) fn read(&mut self, piece: &str) {
        for byte in piece.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.text => self.escaped = true,
                b'"' => self.text = !self.text,
                b'{' | b'[' if !self.text => {
                    self.depth += 1;
                    self.begun = true;
                }
                b'}' | b']' if !self.text => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Whether they are complete, as far as brackets tell.
    pub(crate) fn complete(self) -> bool {
        self.begun && self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_complete_with_their_last_bracket_and_not_before() {
        let text = r#"{"a":[1,{"b":"}\"]"}],"c":"\\"}"#;
        for cut in 0..=text.len() {
            let mut arguments = Arguments::default();
            let (before, after) = text.split_at(cut);
            for part in [before, after] {
                assert!(!arguments.complete() || part.is_empty());
                arguments.read(part);
            }
            assert!(arguments.complete(), "{cut}");
        }
    }
}
