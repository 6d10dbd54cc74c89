//! Changes to an input, and the luck that picks them.
//!
//! Does **not** know formats. The same seed gives the same changes.

/// Bytes that formats care about: ends of ranges, and the marks of our own.
const TELLING: &[u8] = &[0, 1, 2, 3, 0x7F, 0x80, 0xEF, 0xF0, 0xF1, 0xF2, 0xF3, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF];

/// Numbers that arithmetic trips over.
const NUMBERS: &[u64] =
    &[0, 1, 15, 16, 4095, 4096, 65_535, 65_536, 1 << 31, 1 << 32, 1 << 40, 1 << 62, 1 << 63, u64::MAX - 1, u64::MAX];

/// No input grows beyond this.
const LONGEST: usize = 8192;

/// Numbers in a row that look random (xorshift).
#[derive(Clone, Debug)]
pub struct Luck(u64);

impl Luck {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.draw()) * end as u128) >> 64) as usize
    }

    /// One of `choices`, which are some.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Changes `input` at some places; `other` lends a piece.
pub fn mutate(input: &mut Vec<u8>, other: &[u8], luck: &mut Luck) {
    for _ in 0..=luck.below(4) {
        change(input, other, luck);
    }
    input.truncate(LONGEST);
}

fn change(input: &mut Vec<u8>, other: &[u8], luck: &mut Luck) {
    let at = luck.below(input.len());
    let rest = input.len() - at;
    match luck.below(10) {
        0 if rest > 0 => input[at] ^= 1 << luck.below(8),
        1 if rest > 0 => input[at] = luck.pick(TELLING),
        2 if rest > 0 => input[at] = luck.draw() as u8,
        3 => {
            input.drain(at..at + luck.below(rest.min(32) + 1));
        }
        4 => input.truncate(at),
        5 => {
            let number = luck.pick(NUMBERS).to_le_bytes();
            let len = luck.pick(&[2, 4, 8]);
            overwrite(input, at, &number[..len]);
        }
        6 => {
            let from = luck.below(other.len());
            let len = luck.below(other.len() - from + 1);
            input.splice(at..at, other[from..from + len].iter().copied());
        }
        7 => {
            let from = luck.below(other.len());
            let piece: Vec<u8> = other[from..].iter().take(luck.below(64)).copied().collect();
            overwrite(input, at, &piece);
        }
        8 => {
            let piece: Vec<u8> = input[at..].iter().take(luck.below(64)).copied().collect();
            input.splice(at..at, piece);
        }
        _ => input.insert(at, luck.pick(TELLING)),
    }
}

fn overwrite(input: &mut [u8], at: usize, piece: &[u8]) {
    input[at..].iter_mut().zip(piece).for_each(|(old, new)| *old = *new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_inputs_again_and_none_is_endless() {
        let run = |seed| {
            let (mut input, mut luck) = (b"input".to_vec(), Luck::new(seed));
            (0..20_000).for_each(|_| {
                let other = input.clone();
                mutate(&mut input, &other, &mut luck);
                assert!(input.len() <= LONGEST);
            });
            (input, luck.draw())
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }
}
