//! What the last step that failed says. `core::fmt` would be a twentieth of the module.

use core::convert::Infallible;

use decoder_core::{Error, Word};

/// Digits of the largest number.
const DIGITS: usize = 20;

/// A text that is cut where it is too long.
#[derive(Debug, Default)]
pub(crate) struct Message(heapless::String<160>);

impl Message {
    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Says these words.
    pub(crate) fn say(&mut self, words: &[Word]) {
        self.0.clear();
        words.iter().for_each(|&word| self.push(word));
    }

    /// Says what is wrong.
    pub(crate) fn say_error(&mut self, error: &Error) {
        self.0.clear();
        let Ok(()) = error.say(|word| {
            self.push(word);
            Ok::<(), Infallible>(())
        });
    }

    #[inline(never)]
    fn push(&mut self, word: Word) {
        match word {
            // What does not fit is cut.
            Word::Text(text) => drop(self.0.push_str(text)),
            Word::Number(mut number) => {
                let mut digits = heapless::Vec::<u8, DIGITS>::new();
                while digits.push(b'0' + (number % 10) as u8).is_ok() && number >= 10 {
                    number /= 10;
                }
                digits.iter().rev().for_each(|&digit| drop(self.0.push(digit.into())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use decoder_core::Quantity;

    use super::*;

    #[test]
    fn it_says_what_an_error_displays() {
        let mut message = Message::default();
        for value in [0, 9, 10, 305, u64::MAX] {
            let error = Error::Limit { what: Quantity::Scratch, value, max: 1 };
            message.say_error(&error);
            assert_eq!(message.text(), error.to_string());
        }
        let long = [Word::Text("a long text, "); 20];
        message.say(&long);
        assert!(message.text().len() > 140);
        message.say(&[Word::Text("short")]);
        assert_eq!(message.text(), "short");
    }
}
